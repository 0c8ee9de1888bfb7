"""numpy, scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import scipy.integrate
import scipy.interpolate as si
import scipy.optimize
import scipy.signal
import scipy.spatial
import scipy.stats
from numpy.polynomial import Chebyshev, Polynomial
from scipy import sparse
from scipy.spatial.transform import Rotation
from sklearn import (
    cluster,
    compose,
    datasets,
    decomposition,
    ensemble,
    feature_extraction,
    gaussian_process,
    linear_model,
    model_selection,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

from identity_kinds.looks import Other, calling, item, setting

X = np.random.default_rng(1).normal(size=(30, 3))
Y = (X[:, 0] > 0).astype(int)
GRID = np.linspace(0.0, 5.0, 6)


class Noted(np.ndarray):
    """An array with a note."""

    def __array_finalize__(self, obj):
        self.note = getattr(obj, "note", "none")


class Near(scipy.spatial.cKDTree):
    """Its points lie in compiled code."""


def objects():
    found = np.empty(2, dtype=object)
    found[:] = [[1], {"a": 2}]
    return found


def fitted(cls, *args, **keys):
    def make():
        return cls(*args, **keys).fit(X, Y)

    return make


def grid_search():
    return model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(X, Y)


def _columns():
    return compose.ColumnTransformer([("a", preprocessing.StandardScaler(), [0, 1])]).fit(X)


def _text():
    return feature_extraction.text.TfidfVectorizer().fit(["a few words", "other words"])


def _plus(name):
    """Change the first number of a fitted array."""

    def change(one):
        at = getattr(one, name)
        at.flat[0] = at.flat[0] + 1

    return change


SPARSE = {
    f"sparse {name}": (
        lambda cls=cls: cls(np.diag([1.0, 2.0, 3.0])),
        lambda one: one.data.__setitem__(0, one.data[0] * 2),
    )
    for name, cls in {
        "csr": sparse.csr_array, "csc": sparse.csc_matrix, "coo": sparse.coo_array,
        "bsr": sparse.bsr_array, "dia": sparse.dia_array,
    }.items()
}  # fmt: skip
KINDS = {
    "ndarray": (lambda: np.arange(6.0).reshape(2, 3), item((0, 0), 7)),
    "view": (lambda: np.arange(6.0)[::2], item(0, 7)),
    "array of text": (lambda: np.array(["a", "bc"]), item(0, "x")),
    "array of objects": (objects, item(1, 3), lambda one: one[0].append(3)),
    "structured": (lambda: np.zeros(2, [("a", "f8"), ("b", "U3")]), lambda one: one["a"].__setitem__(0, 1)),
    "recarray": (lambda: np.rec.array([(1, "a")], names="n,t"), lambda one: one.n.__setitem__(0, 2)),
    "masked array": (
        lambda: np.ma.array([1.0, 2.0], mask=[0, 1]),
        item(0, 3),
        setting("mask", [1, 0]),
    ),
    "datetime64": (lambda: np.array(["2020-01-01"], "M8[D]"), item(0, np.datetime64("2021-01-01"))),
    "array with a note": (lambda: np.arange(3.0).view(Noted), item(0, 7), setting("note", "other")),
    "matrix": (lambda: np.asmatrix(np.eye(2)), item((0, 0), 3)),
    "scalar": (lambda: np.float32(1.5), Other(lambda: np.float64(1.5))),
    "dtype": (lambda: np.dtype("f8"), Other(lambda: np.dtype("f4"))),
    "ufunc": (lambda: np.add, Other(lambda: np.subtract)),
    "numpy function": (lambda: np.mean, Other(lambda: np.median)),
    "ufunc's method": (lambda: np.add.reduce, Other(lambda: np.add.accumulate)),
    "vectorize": (lambda: np.vectorize(len, otypes=[int]), setting("pyfunc", sum)),
    "Generator": (lambda: np.random.default_rng(1), calling("random")),
    "bit generator": (lambda: np.random.PCG64(1), calling("random_raw")),
    "RandomState": (lambda: np.random.RandomState(1), calling("rand")),
    "SeedSequence": (lambda: np.random.SeedSequence(1), calling("spawn", 1)),
    "Polynomial": (lambda: Polynomial([1.0, 2.0]), lambda one: one.coef.__setitem__(0, 3), setting("window", np.array([-2.0, 2]))),
    "Chebyshev": (lambda: Chebyshev([1.0, 2.0]), lambda one: one.coef.__setitem__(0, 3)),
    "poly1d": (lambda: np.poly1d([1.0, 2.0]), item(0, 3.0)),
    **SPARSE,
    "sparse dok": (lambda: sparse.dok_array((3, 3)), item((0, 0), 3.0)),
    "sparse lil": (lambda: sparse.lil_array((3, 3)), item((0, 0), 3.0)),
    "frozen distribution": (lambda: scipy.stats.norm(1, 2), setting("kwds", {"loc": 3})),
    "distribution": (lambda: scipy.stats.norm, Other(lambda: scipy.stats.expon)),
    "gaussian_kde": (lambda: scipy.stats.gaussian_kde(GRID), calling("set_bandwidth", 2.0)),
    "interp1d": (lambda: si.interp1d(GRID, GRID**2), lambda one: one._y.__setitem__(0, 9.0)),
    "CubicSpline": (lambda: si.CubicSpline(GRID, GRID**2), lambda one: one.c.__setitem__((0, 0), 9)),
    "BSpline": (lambda: si.make_interp_spline(GRID, GRID**2), lambda one: one.c.__setitem__(0, 9)),
    "UnivariateSpline": (lambda: si.UnivariateSpline(GRID, np.sin(GRID)), calling("set_smoothing_factor", 0.01)),
    "RegularGridInterpolator": (
        lambda: si.RegularGridInterpolator((GRID,), GRID**2),
        lambda one: one.values.__setitem__(0, 9.0),
        setting("method", "nearest"),
    ),
    "LinearNDInterpolator": (lambda: si.LinearNDInterpolator(X, Y), lambda one: one.values.__setitem__((0, 0), 9.0)),
    "RBFInterpolator": (lambda: si.RBFInterpolator(X, Y), setting("epsilon", 2.0)),
    "Rotation": (lambda: Rotation.from_euler("x", 30), Other(lambda: Rotation.from_euler("x", 31))),
    "cKDTree": (lambda: scipy.spatial.cKDTree(X), Other(lambda: scipy.spatial.cKDTree(X + 1))),
    "KDTree": (lambda: scipy.spatial.KDTree(X), Other(lambda: scipy.spatial.KDTree(X + 1))),
    "subclass of cKDTree": (lambda: Near(X), Other(lambda: Near(X + 1)), setting("station", "A")),
    "Delaunay": (lambda: scipy.spatial.Delaunay(X[:, :2]), Other(lambda: scipy.spatial.Delaunay(X[:20, :2]))),
    "OptimizeResult": (lambda: scipy.optimize.minimize(lambda x: x @ x, [1.0]), item("fun", 3)),
    "StateSpace": (lambda: scipy.signal.lti([1.0], [1.0, 2.0]), setting("num", [2.0])),
    "OdeSolution": (
        lambda: scipy.integrate.solve_ivp(lambda _, y: -y, (0, 1), [1.0], dense_output=True),
        lambda one: one.y.__setitem__((0, 0), 3),
    ),
    "LinearRegression": (fitted(linear_model.LinearRegression), _plus("coef_"), calling("set_params", fit_intercept=False)),
    "LogisticRegression": (fitted(linear_model.LogisticRegression), _plus("coef_")),
    "SGDClassifier": (fitted(linear_model.SGDClassifier, random_state=1), _plus("coef_"), lambda one: one.partial_fit(X, Y) and None),
    "SVC": (fitted(svm.SVC), setting("C", 3.0), _plus("support_vectors_")),
    "DecisionTree": (fitted(tree.DecisionTreeClassifier, random_state=1), lambda one: one.fit(X[:20], 1 - Y[:20]) and None),
    "RandomForest": (fitted(ensemble.RandomForestClassifier, 3, random_state=1), lambda one: one.estimators_.pop() and None),
    "GradientBoosting": (fitted(ensemble.GradientBoostingClassifier, n_estimators=2, random_state=1), setting("learning_rate", 0.3)),
    "HistGradientBoosting": (fitted(ensemble.HistGradientBoostingClassifier, max_iter=2, random_state=1), lambda one: one._predictors.pop() and None),
    "KNeighbors": (fitted(neighbors.KNeighborsClassifier), setting("n_neighbors", 3)),
    "KMeans": (fitted(cluster.KMeans, 2, random_state=1), _plus("cluster_centers_")),
    "GaussianProcess": (fitted(gaussian_process.GaussianProcessRegressor, random_state=1), setting("alpha", 0.1)),
    "MLP": (fitted(neural_network.MLPClassifier, (3,), max_iter=400, random_state=1), lambda one: one.coefs_[0].__setitem__((0, 0), 9)),
    "GaussianNB": (fitted(naive_bayes.GaussianNB), _plus("theta_")),
    "PCA": (fitted(decomposition.PCA, 2), _plus("mean_")),
    "StandardScaler": (fitted(preprocessing.StandardScaler), _plus("mean_"), setting("with_mean", False)),
    "Pipeline": (
        lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()).fit(X, Y),
        calling("set_params", ridge__alpha=3.0),
        lambda one: _plus("coef_")(one[-1]),
    ),
    "ColumnTransformer": (_columns, calling("set_params", remainder="passthrough")),
    "GridSearchCV": (grid_search, lambda one: _plus("coef_")(one.best_estimator_)),
    "Tfidf": (_text, lambda one: one.vocabulary_.update(more=7)),
    "KFold": (lambda: model_selection.KFold(3), setting("n_splits", 4)),
    "Bunch": (datasets.load_iris, lambda one: one.data.__setitem__((0, 0), 9.0)),
}  # fmt: skip
