"""Content of scikit-learn's estimators: their parameters, and what they have learned.

Both lie in what an estimator holds, which is what its pickle has; parts written in C give theirs
for a pickle, too. Nothing of the package is imported.
"""

from __future__ import annotations

from typing import Any

from provagent.contract.values.types import instance_state, type_name
from provagent.identity.content import ByKey, UnidentifiableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provagent.identity.content import Parts


def _reduced(value: Any) -> Any:
    """Return what a pickle of a compiled object holds but for the function that makes it anew."""
    reduced = value.__reduce_ex__(2)
    if not isinstance(reduced, tuple):
        raise UnidentifiableError(
            f"{type_name(type(value))}: its pickle does not contain its state"
        )
    return reduced[1:3]


def _held(value: Any) -> Any:
    # An address in this process, by which it sees that other words are given
    return {name: item for name, item in instance_state(value).items() if name != "_stop_words_id"}


def _neighbors(value: Any) -> Any:
    """Return the state of a tree of neighbours without what it counts when it is asked."""
    state = value.__getstate__()
    return state[:7], [part for part in state[7:] if not isinstance(part, int)]


def _spline(value: Any) -> Any:
    # Where it keeps them hangs on scipy; each version has them under these names.
    return {name: getattr(value, name) for name in ("t", "c", "k", "extrapolate", "axis")}


_HELD = (
    *("BaseEstimator", "BaseCrossValidator", "BaseLink", "BaseLoss", "BaseOptimizer", "Kernel"),
    *("MetadataRequest", "MethodMetadataRequest", "TreePredictor", "_BaseScorer"),
    *("_BisectingTree", "_CalibratedClassifier", "_PassthroughScorer", "_SigmoidCalibration"),
)
_COMPILED = (
    *("CyHalfMultinomialLoss", "CyLossFunction", "DistanceMetric32", "DistanceMetric64", "Tree"),
)
OWN: dict[str, Parts] = {
    **{f"sklearn:{name}": _held for name in _HELD},
    **{f"sklearn:{name}": _reduced for name in _COMPILED},
    "sklearn:Bunch": ByKey,
    "sklearn:BinaryTree32": _neighbors,
    "sklearn:BinaryTree64": _neighbors,
    "scipy:BSpline": _spline,
    "numpy:RandomState": lambda value: value.get_state(legacy=False),
    "numpy:Generator": lambda value: value.bit_generator.state,
    "numpy:BitGenerator": lambda value: value.state,
    "numpy:SeedSequence": lambda value: (value.state, value.n_children_spawned),
}
