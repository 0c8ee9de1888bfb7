"""Programs in the form of gammapy's tutorials, on data at hand: what each product came from."""

from __future__ import annotations

import os

import pytest
from conftest import ROOT, SHARED
from test_pairs import files_behind

pytest.importorskip("gammapy")
pytestmark = pytest.mark.gammapy

TUTORIALS = ROOT / "tests" / "tutorials"
HESS = SHARED / "gammapy-data"
EVENTS = "hess_dl3_dr1_obs_id_0{}.fits.gz"
CRAB = {EVENTS.format(number) for number in (23523, 23526)}

# For each program its products: files behind each by what is recorded, and by what is computed
# between recorded calls besides.
PRODUCTS = {
    "spectral_analysis": {
        "obs_23523.fits.gz": ({EVENTS.format(23523)}, set()),
        "flux_points.fits": (CRAB, set()),
        "info.ecsv": (CRAB, set()),
        "stacked_model.yaml": (CRAB, set()),
    },
    "ring_background": {
        "significance.fits": (set(), CRAB),
        "excess.fits": (set(), CRAB),
        "all_maps.fits": (set(), CRAB),
    },
    "analysis_3d": {
        "stacked.fits.gz": ({*CRAB, "exclusion.fits"}, set()),
        "best.yaml": ({"stacked.fits.gz", *CRAB}, set()),
        "counts.fits": (set(), CRAB),
        "residuals.fits": (set(), {"stacked.fits.gz", *CRAB}),
    },
    "light_curve": {
        "lc.fits": ({EVENTS.format(23523)}, set()),
        "lc.ecsv": (set(), {EVENTS.format(23523)}),
        "chain.yaml": ({EVENTS.format(23523)}, set()),
    },
    "spectrum_simulation": {"fits.ecsv": (set(), {EVENTS.format(23523)})},
    "event_sampling": {
        "sim_events.fits.gz": ({EVENTS.format(23523)}, {"sim_model.yaml"}),
        "events.ecsv": (set(), {EVENTS.format(23523), "sim_model.yaml"}),
    },
    "sensitivity": {"sensitivity.ecsv": (set(), {"input.fits"})},
    "models": {
        "from_dict.yaml": (set(), set()),
        "both.yaml": (set(), {"3HWC.ecsv"}),
        "one.yaml": ({"both.yaml"}, {"3HWC.ecsv"}),
    },
    "sed_fitting": {
        "fit.yaml": (set(), {"points_a.fits", "points_b.fits"}),
        "model.yaml": (set(), {"points_a.fits", "points_b.fits"}),
    },
    "hli": {
        "fitted.yaml": ({*CRAB, "config.yaml"}, set()),
        "lc.fits": ({*CRAB, "config.yaml"}, set()),
        "fp.fits": (set(), {*CRAB, "config.yaml"}),
    },
    "fitting": {
        "profile.ecsv": (set(), {"one.fits"}),
        "contour.txt": (set(), {"one.fits"}),
        "parameters.ecsv": (set(), {"one.fits"}),
    },
    "maps": {
        "counts.fits": (set(), {EVENTS.format(23523)}),
        "small.fits": (set(), {"counts.fits"}),
        "ratio.fits": (set(), {"counts.fits"}),
        "spectrum.fits": (set(), {"counts.fits"}),
    },
}


def test_each_program_has_its_products():
    """None of the programs is forgotten."""
    assert {file.stem for file in TUTORIALS.glob("*.py")} == PRODUCTS.keys()


@pytest.mark.parametrize("name", PRODUCTS)
def test_what_a_product_came_from(recorded, monkeypatch, name):
    """Nothing fails in the recorder, and each product leads back to its files."""
    if not HESS.is_dir():
        pytest.skip(f"outside material is not at {HESS}")
    monkeypatch.chdir(recorded.folder)
    recorded.write("script.py", (TUTORIALS / f"{name}.py").read_text())
    done = recorded.run("script.py", GAMMAPY_DATA=str(HESS), PYTHONWARNINGS="ignore")
    assert "provagent" not in done.stderr
    assert recorded.events("complaint") == []
    missing = {}
    for product, (now, later) in PRODUCTS[name].items():
        behind = files_behind(recorded, product)
        written = {os.path.basename(one) for one in recorded.folder.glob("*") if one.is_file()}
        wanted = now | later
        if not wanted <= behind:
            missing[product] = wanted - behind
        assert product in written
    assert missing == {}
