"""Tables of scikit-learn as CSV files, and what its classifiers and regressors come to on them.

    python oracle/tables.py FOLDER        writes NAME.csv with a column split (train, validation, test), and prints errors

The splits are those of the column: scikit-learn's models train on the rows of train and validation together, as
they choose no epoch by validation rows, and are measured on the rows of test.
"""
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name in ["iris", "wine", "breast_cancer", "digits", "diabetes"]:
    d = getattr(datasets, "load_" + name)()
    n = len(d.target)
    order = np.random.default_rng(1).permutation(n)
    split = np.full(n, "train", dtype=object)
    split[order[: n // 4]] = "test"
    split[order[n // 4 : n // 4 + n // 10]] = "validation"
    names = [str(c).replace(" ", "_") for c in d.feature_names]
    with open(folder / f"{name}.csv", "w") as f:
        f.write(",".join(names + ["target", "split"]) + "\n")
        for x, y, s in zip(d.data, d.target, split):
            f.write(",".join([repr(float(v)) for v in x] + [str(y), s]) + "\n")
    test = split == "test"
    x, y, tx, ty = d.data[~test], d.target[~test], d.data[test], d.target[test]
    if name == "diabetes":
        models = {"Ridge": [Ridge()], "MLPRegressor": [MLPRegressor(hidden_layer_sizes=(128, 128), max_iter=1000, random_state=s) for s in (1, 2, 3)]}
    else:
        models = {
            "LogisticRegression": [LogisticRegression(max_iter=5000)],
            "LinearSVC": [LinearSVC(max_iter=20000, random_state=1)],
            "MLPClassifier": [MLPClassifier((128, 128), max_iter=1000, random_state=s) for s in (1, 2, 3)],
        }
    for label, all_of in models.items():
        scores = [make_pipeline(StandardScaler(), m).fit(x, y).score(tx, ty) for m in all_of]
        print(f"{name:14} {label:20} 1 - score, per cent: " + " ".join(f"{100 * (1 - s):.2f}" for s in scores), flush=True)
