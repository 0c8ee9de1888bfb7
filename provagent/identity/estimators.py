"""Content of estimators of scikit-learn: their parameters and fitted values.

Both are attributes of the estimator, the same attributes that a pickle contains. The content of
compiled parts comes from their pickle too. No package is imported.
"""

from __future__ import annotations

from typing import Any

from provagent.contract.values.types import instance_state, type_name
from provagent.identity.content import ByKey, UnidentifiableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provagent.identity.content import Parts


def _reduced(value: Any) -> Any:
    """Return the pickled state of a compiled object, without the function that rebuilds it."""
    reduced = value.__reduce_ex__(2)
    if not isinstance(reduced, tuple):
        raise UnidentifiableError(
            f"{type_name(type(value))}: its pickle does not contain its state"
        )
    return reduced[1:3]


def _attributes(value: Any) -> Any:
    # An address in this process. The vectorizer uses it to notice new stop words.
    return {name: item for name, item in instance_state(value).items() if name != "_stop_words_id"}


def _neighbors(value: Any) -> Any:
    """Return the state of a tree of neighbours, without the counters of its queries."""
    state = value.__getstate__()
    return state[:7], [part for part in state[7:] if not isinstance(part, int)]


def _spline(value: Any) -> Any:
    # The internal names depend on the version of scipy. All versions have these names.
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
    **{f"sklearn:{name}": _attributes for name in _HELD},
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
