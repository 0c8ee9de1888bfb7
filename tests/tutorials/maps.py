# maps tutorial: read, cutout, smooth, reproject, fill events, TS map
import astropy.units as u
from gammapy.data import EventList
from gammapy.maps import Map, MapAxis

events = EventList.read("$GAMMAPY_DATA/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_023523.fits.gz")
axis = MapAxis.from_energy_bounds(0.5, 20, 4, unit="TeV", name="energy")
m = Map.create(skydir=(83.63, 22.01), width=4, binsz=0.05, axes=[axis])
m.fill_events(events)
m.write("counts.fits", overwrite=True)
n = Map.read("counts.fits")
small = n.cutout(n.geom.center_skydir, 2 * u.deg).sum_over_axes().smooth("0.1 deg")
small.write("small.fits", overwrite=True)
ratio = small / (small + 1)
ratio.write("ratio.fits", overwrite=True)
n.get_spectrum().write("spectrum.fits", overwrite=True)
