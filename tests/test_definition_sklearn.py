"""The shipped definitions of scikit-learn and joblib, by a real program."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from story import parameters, told

from provagent.identity.registry import identify

SKLEARN = """\
import joblib
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Half(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X / 2


X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
scaler = StandardScaler().fit(X_train)
scaled = scaler.transform(X_train)
model = LogisticRegression(C=0.5, max_iter=200).fit(scaled, y_train)
joblib.dump(model, "model.joblib")
again = joblib.load("model.joblib")
again.predict(scaler.transform(X_test))
print(model.score(scaler.transform(X_test), y_test))
pipeline = make_pipeline(StandardScaler(), LogisticRegression())
search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=2)
search.fit(X_train, y=y_train)
search.predict(X_test)
pipeline.fit(X_train, y_train).predict_proba(X_test)
cross_val_score(RandomForestClassifier(5, random_state=0), X, y)
Half().fit_transform(X)
"""


def test_sklearn(recorded):
    """Estimators of every kind, one activity a call; a model that was kept is the one that comes back."""
    assert told(recorded, SKLEARN) == [
        "train_test_split: data=Data-1[Data-2 Data-3] -> parts=Data-4[Data-5 Data-6 Data-7 Data-8]",
        "fit: X=Data-5 -> estimator=Estimator-1",
        "transform: estimator=Estimator-1 X=Data-5 -> transformed=Data-9",
        "fit: X=Data-9 y=Data-7 -> estimator=Estimator-2",
        "joblib.dump: object=Estimator-2 -> file=model.joblib",
        "joblib.load: file=model.joblib -> object=Object-1",
        "transform: estimator=Estimator-1 X=Data-6 -> transformed=Data-10",
        "predict: estimator=Object-1 X=Data-10 -> predictions=Data-11",
        "transform: estimator=Estimator-1 X=Data-6 -> transformed=Data-12",
        "score: estimator=Estimator-2 X=Data-12 y=Data-8 -> score=Score-1",
        "fit: X=Data-5 y=Data-7 -> estimator=Estimator-3",
        "predict: estimator=Estimator-3 X=Data-6 -> predictions=Data-13",
        "fit: X=Data-5 y=Data-7 -> estimator=Estimator-4",
        "predict_proba: estimator=Estimator-4 X=Data-6 -> probabilities=Data-14",
        "cross_val_score: X=Data-2 y=Data-3 -> scores=Score-2",
        "fit_transform: X=Data-2 -> estimator=Estimator-5 transformed=Data-15",
    ]
    entities = recorded.provenance.entities.values()
    kept = next(one for one in entities if one.entity_description == "Object")
    learned = [one for one in entities if one.entity_description == "Estimator"]
    assert [kept.digest == one.digest for one in learned] == [False, True, False, False, False]
    fits = [one for one in recorded.provenance.activities.values() if one.name == "fit"]
    assert fits[1].parameters["estimator"] == "LogisticRegression(C=0.5, max_iter=200)"
    assert fits[1].parameters["parameters"]["max_iter"] == 200
    assert fits[1].description.fields["usage"][0]["role"] == "X"
    assert parameters(recorded, "cross_val_score")["cv"] is None


def estimators():
    from sklearn.ensemble import (
        GradientBoostingRegressor,
        RandomForestClassifier,
        StackingClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    forest = RandomForestClassifier(3, random_state=0)
    return [
        LogisticRegression(),
        DecisionTreeClassifier(random_state=0),
        forest,
        GradientBoostingRegressor(n_estimators=3, random_state=0),
        KNeighborsClassifier(),
        MLPClassifier(3, max_iter=3, random_state=0),
        SVC(),
        make_pipeline(StandardScaler(), SVC()),
        GridSearchCV(SVC(), {"C": [0.1, 1.0]}, cv=2),
        StackingClassifier([("forest", forest)], cv=2),
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", estimators(), ids=lambda each: type(each).__name__)
def test_an_estimator_is_known_by_what_it_has_learned(estimator):
    """Equal after a pickle and after it was asked; another one when it has learned from other data."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    unfitted = identify(estimator)
    fitted = identify(estimator.fit(X, y))
    assert (unfitted.identified, fitted.identified) == ("content", "content")
    assert fitted.digest != unfitted.digest
    assert identify(pickle.loads(pickle.dumps(estimator))).digest == fitted.digest
    estimator.predict(X)
    assert identify(estimator).digest == fitted.digest
    assert identify(estimator.fit(X + 1e-3 * y[:, None], y)).digest != fitted.digest
