"""Content of fits of lmfit and of samplers of emcee."""

from __future__ import annotations

import copy
import warnings

import emcee
import h5py
import lmfit
import numpy as np
import pytest
from lmfit import models

from provagent.identity.registry import identify

X = np.linspace(0, 10, 21)
Y = np.exp(-((X - 5) ** 2) / 2) + 0.01 * np.sin(X)


def log_probability(place, width=1.0):
    return -0.5 * float(place[0] / width) ** 2


def twice(value):
    return 2 * value


def thrice(value):
    return 3 * value


def parameters(*, function=twice, **changed):
    made = lmfit.Parameters(usersyms={"more": function})
    made.add("a", **{"value": 1.0, "min": 0, **changed})
    made.add("b", expr="more(a) + 1")
    return made


def model():
    return models.GaussianModel(prefix="g_") + models.LinearModel()


def fit(data=Y, **arguments):
    made = model()
    start = made.make_params(g_amplitude=2, g_center=5, g_sigma=1, slope=0, intercept=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made.fit(data, start, x=X, **arguments)


def residual(values):
    return np.array([values["a"] - 1, values["a"] * 0.5])


def minimize(start=2.0, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lmfit.minimize(residual, lmfit.create_params(a=start), **arguments)


def sampler(*, seed=1, steps=5, backend=None, function=log_probability, **arguments):
    made = emcee.EnsembleSampler(4, 1, function, backend=backend, **arguments)
    made.random_state = np.random.RandomState(seed).get_state()
    made.run_mcmc(np.arange(4.0).reshape(4, 1), steps)
    return made


# Each a list of functions that make values which differ, each of which is made twice
DIFFERENT = {
    "parameters": [
        *(parameters, lambda: parameters(value=2.0), lambda: parameters(min=-1)),
        *(lambda: parameters(vary=False), lambda: parameters(function=thrice)),
        lambda: lmfit.create_params(a=1, b=2),
        lambda: lmfit.create_params(b=2, a=1),
    ],
    "parameter": [lambda: lmfit.Parameter("a", 1), lambda: lmfit.Parameter("a", 1, user_data="x")],
    "model": [
        *(model, models.GaussianModel, lambda: models.GaussianModel(prefix="p_")),
        *(models.LorentzianModel, lambda: models.GaussianModel() * models.LinearModel()),
        lambda: models.GaussianModel() + models.LinearModel(),
        lambda: lmfit.Model(lambda x, a: a * x),
        lambda: lmfit.Model(lambda x, a: a + x),
    ],
    "fit": [fit, lambda: fit(Y + 1e-9), lambda: fit(weights=np.full(21, 2.0)), lambda: fit(method="nelder")],
    "minimum": [
        *(minimize, lambda: minimize(3.0), lambda: minimize(method="nelder")),
        lambda: minimize(method="emcee", steps=10, nwalkers=4, seed=2, progress=False),
        lambda: minimize(method="emcee", steps=10, nwalkers=4, seed=3, progress=False),
    ],
    "sampler": [
        *(sampler, lambda: sampler(seed=2), lambda: sampler(steps=6), lambda: sampler(args=(2.0,))),
        *(lambda: sampler(moves=emcee.moves.StretchMove(3.0)), lambda: sampler(moves=emcee.moves.DEMove())),
        lambda: sampler(moves=emcee.moves.GaussianMove(0.5)),
        lambda: sampler(moves=emcee.moves.GaussianMove(0.25)),
        lambda: sampler(moves=[(emcee.moves.KDEMove(), 0.5), (emcee.moves.WalkMove(), 0.5)]),
    ],
    "backend": [
        *(lambda: sampler().backend, lambda: sampler(seed=2).backend, lambda: emcee.backends.Backend()),
    ],
    "state": [lambda: emcee.State([[1.0]]), lambda: emcee.State([[1.0]], log_prob=[2.0])],
}  # fmt: skip


@pytest.mark.parametrize("kind", DIFFERENT)
def test_equal_content_and_no_other_has_equal_digests(kind):
    """Made again, or copied, it is the same; whatever differs is another."""
    digests = []
    for make in DIFFERENT[kind]:
        value = make()
        found = identify(value)
        assert (found.identified, found.sampled) == ("content", False), value
        assert identify(make()) == found, value
        assert identify(copy.deepcopy(value)) == found, value
        digests.append(found.digest)
    assert len(set(digests)) == len(digests)


def test_a_model_of_an_expression_is_known_by_the_expression():
    """The function of the model is made of it."""
    one, other = (identify(models.ExpressionModel(text)) for text in ("a*x + b", "a*x - b"))
    assert one.identified == "content"
    assert one == identify(models.ExpressionModel("a*x + b")) != other


def test_asking_for_a_value_is_no_change_and_setting_it_is():
    """The value of an expression is computed when it is asked for: that is no change."""
    made = parameters()
    before = identify(made)
    assert made["b"].value == 3.0
    assert identify(made) == before
    made["a"].value = 4.0
    assert identify(made) not in (before, None)
    made["a"].value = 1.0
    assert identify(made) == before


def test_room_for_more_steps_is_no_content():
    """A backend that has room for steps that were not made is as one that has none."""
    made = sampler().backend
    before = identify(made)
    made.grow(10, None)
    assert made.chain.shape[0] > made.iteration
    assert identify(made) == before


def test_a_step_more_changes_the_sampler():
    """Its chain is content, and so is where the next steps begin."""
    made = sampler()
    before = identify(made)
    made.run_mcmc(None, 1)
    assert identify(made).digest != before.digest


def test_a_backend_in_a_file_is_known_by_its_file(tmp_path):
    """By the state of the file: that joins nothing elsewhere, and it changes with the file."""
    backend = emcee.backends.HDFBackend(str(tmp_path / "chain.h5"))
    assert identify(backend).identified == "id"  # there is no file
    made = sampler(backend=backend)
    before = identify(backend)
    assert before.identified == "state"
    assert identify(made).identified == "state"
    assert identify(backend) == before
    with h5py.File(backend.filename):
        pass
    assert identify(backend) == before
    made.run_mcmc(None, 1)
    assert identify(backend).digest not in (before.digest, None)


def test_a_function_of_the_program_in_a_class_makes_it_a_state():
    """A method of an object of the program hangs on that object."""

    class Likelihood:
        def __call__(self, place):
            return log_probability(place)

    assert identify(sampler(function=Likelihood())).identified == "state"
