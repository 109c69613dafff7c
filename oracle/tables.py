"""Tables of scikit-learn as CSV files, and energo's job table beside scikit-learn's models on them.

    python oracle/tables.py FOLDER                         writes FOLDER/NAME.csv with a column split (train, test)
    python oracle/tables.py FOLDER --energo PATH [NAME]…   compares the program at PATH with scikit-learn, and prints a table

A comparison is over 12 splits, three times four folds (of digits five splits, the first of four folds each). Both sides train on the same rows
and are measured on the same others, by the share of rows wrong or by 1 − R², in per cent. energo has its defaults, and so has scikit-learn
behind a StandardScaler, but for the iterations that it may take and two hidden layers of 128 units, as energo's are. The seed of a split is
that of both sides. The interval is Student's at 95 % of the mean of the differences.
"""
import argparse
import csv
import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

TABLES = ["iris", "wine", "breast_cancer", "digits", "diabetes"]
LAYERS = {"hidden_layer_sizes": (128, 128), "max_iter": 1000}
CLASSES = {
    "nll, linear": ([], lambda seed: LogisticRegression(max_iter=5000)),
    "hinge, linear": (["--functional", "hinge"], lambda seed: LinearSVC(max_iter=20000, random_state=seed)),
    "nll, mlp": (["--model", "mlp"], lambda seed: MLPClassifier(random_state=seed, **LAYERS)),
}
NUMBERS = {
    "mse, linear": (["--answers", "number"], lambda seed: Ridge()),
    "mse, mlp": (["--answers", "number", "--model", "mlp"], lambda seed: MLPRegressor(random_state=seed, **LAYERS)),
}


def load(name):
    return getattr(datasets, "load_" + name)()


def splits(name):
    """The rows for the test in each split, as masks."""
    n = len(load(name).target)
    repeats, folds = (5, 1) if name == "digits" else (3, 4)
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(n)
        for fold in range(folds):
            test = np.zeros(n, dtype=bool)
            test[order[fold::4]] = True
            yield test


def write(path, name, test):
    d = load(name)
    with open(path, "w") as f:
        w = csv.writer(f)
        w.writerow([str(c).replace(" ", "_") for c in d.feature_names] + ["target", "split"])
        for x, y, t in zip(d.data, d.target, test):
            w.writerow([repr(float(v)) for v in x] + [str(y), "test" if t else "train"])


def ours(energo, path, args, seed):
    run = path.parent / "run"
    shutil.rmtree(run, ignore_errors=True)
    subprocess.run(
        [energo, "train", "table", "--data", path, "--target", "target", "--split-column", "split", "--run", run, "--quiet",
         "--seed", str(seed), "--threads", "1", "--checkpoint", "0"] + args,
        check=True, stdout=subprocess.DEVNULL)
    return 100 * json.loads((run / "result.json").read_text())["test_error"]


def compare(energo, folder, name):
    d = load(name)
    path = folder / name / "split.csv"
    path.parent.mkdir(exist_ok=True)
    results = {label: [] for label in (NUMBERS if name == "diabetes" else CLASSES)}
    for seed, test in enumerate(splits(name), 1):
        write(path, name, test)
        for label, (args, model) in (NUMBERS if name == "diabetes" else CLASSES).items():
            theirs = make_pipeline(StandardScaler(), model(seed)).fit(d.data[~test], d.target[~test])
            pair = ours(energo, path, args, seed), 100 * (1 - theirs.score(d.data[test], d.target[test]))
            results[label].append(pair)
            print(f"{name}, split {seed}, {label}: {pair[0]:.2f}, {pair[1]:.2f}", file=sys.stderr, flush=True)
    for label, pairs in results.items():
        a, b = np.array(pairs).T
        half = stats.t.ppf(0.975, len(a) - 1) * stats.sem(a - b)
        low, high = np.mean(a - b) - half, np.mean(a - b) + half
        model = (NUMBERS if name == "diabetes" else CLASSES)[label][1](1).__class__.__name__
        print(f"| {name} | {label} | {np.mean(a):.2f} | {model} | {np.mean(b):.2f} | {np.mean(a - b):+.2f} ({low:+.2f} to {high:+.2f}) | "
              f"{'no' if low > 0 else 'yes'} |", flush=True)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=Path)
    p.add_argument("--energo")
    p.add_argument("names", nargs="*", default=TABLES)
    a = p.parse_intermixed_args()
    warnings.filterwarnings("ignore")
    a.folder.mkdir(parents=True, exist_ok=True)
    for name in a.names:
        if a.energo:
            compare(a.energo, a.folder, name)
        else:
            write(a.folder / f"{name}.csv", name, next(splits(name)))
