"""How often the interval of the break-even holds the truth.

    python benchmarks/learning_curve.py
    python benchmarks/learning_curve.py --cases 20 --estimators 0

First part: learning curves drawn from known laws. A challenger and one or three rivals have laws of
their own; the error at each size is counted on the test cells of each seed, which the models share,
so that their errors are correlated. The curves are fitted on the lower half of the sizes (50 to 400
of 50 to 6,400 cells), and the interval is asked for the crossing, up to ten times the sizes fitted.
In the last rows the laws are wrong: the challenger learns nothing until it has some tens of cells.

Second part: scikit-learn models on simulated cells. Curves are measured on the 600 cells of a small
study, 50 to 400 for training; the truth is measured on other cells of the same simulation.

An interval without ends holds every truth, so the tables also say how wide they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SIZES = 50 * 2.0 ** np.arange(8)
FITTED = SIZES[:4]
HORIZON = 10 * FITTED[-1]
N_TEST = 1000

Law = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Case:
    """One set of curves: seeds x models x sizes, the challenger first, and the true crossing."""

    errors: np.ndarray
    truth: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=200, help="simulated cases per row")
    parser.add_argument("--kinds", nargs="+", default=["crossing", "none", "plateau"])
    parser.add_argument("--estimators", type=int, default=5, help="simulated studies per row")
    arguments = parser.parse_args()
    header = (
        f"| {'curves':46} | {'cases':>5} | {'holds the truth':>15} | {'says none':>9} | "
        f"{'has an upper end':>16} | {'ratio of the ends':>17} |"
    )
    print("Simulated laws, 90 % interval of the crossing\n")
    print(header, _rule(header), sep="\n")
    for rivals, seeds, kind in (
        (1, 5, "crossing"),
        (1, 5, "none"),
        (1, 3, "crossing"),
        (1, 10, "crossing"),
        (3, 5, "crossing"),
        (3, 5, "none"),
        (1, 5, "plateau"),
    ):
        if kind not in arguments.kinds:
            continue
        name = f"{kind}, {rivals} rival{'s' * (rivals > 1)}, {seeds} seeds"
        cases = simulated_cases(arguments.cases, rivals, seeds, kind)
        print(_row(name, summarise(cases)), flush=True)
    if not arguments.estimators:
        return
    print("\nScikit-learn models on simulated cells\n")
    print(header, _rule(header), sep="\n")
    for name in STUDIES:
        cases = [study(name, number) for number in range(arguments.estimators)]
        print(_row(name, summarise(cases, test_share=1 / 3)), flush=True)


def summarise(cases: list[Case], test_share: float = 0.0) -> dict[str, float]:
    """Coverage of the interval, and how much it says."""
    from scrna_longformer.evaluation import break_even, draw_curves

    found = []
    for number, case in enumerate(cases):
        draws = draw_curves(FITTED, case.errors, test_share=test_share, random_state=number)
        rivals = range(1, case.errors.shape[1])
        found.append(break_even(draws, 0, list(rivals)))
    low = np.array([f.low for f in found])
    high = np.array([f.high for f in found])
    truth = np.array([case.truth for case in cases])
    ends = np.clip(high, FITTED[0], HORIZON) / np.clip(low, FITTED[0], HORIZON)
    return {
        "n": len(cases),
        "covered": float(((low <= truth) & (truth <= high)).mean()),
        "none": float(np.isinf(low).mean()),
        "finite": float(np.isfinite(high).mean()),
        "ratio": float(np.median(ends[np.isfinite(low)])) if np.isfinite(low).any() else np.nan,
    }


def _row(name: str, s: dict[str, float]) -> str:
    return (
        f"| {name:46} | {s['n']:5.0f} | {s['covered']:15.1%} | {s['none']:9.1%} | "
        f"{s['finite']:16.1%} | {s['ratio']:17.1f} |"
    )


def _rule(header: str) -> str:
    return "".join(c if c == "|" else "-" for c in header)


# ------------------------------------------------------------------------------- simulated laws


def simulated_cases(n: int, n_rivals: int, n_seeds: int, kind: str) -> list[Case]:
    rng = np.random.default_rng([n_rivals, n_seeds, len(kind)])
    return [simulated_case(rng, n_rivals, n_seeds, kind) for _ in range(n)]


def simulated_case(rng: np.random.Generator, n_rivals: int, n_seeds: int, kind: str) -> Case:
    """Draw laws until they cross where the kind says, then count errors on shared test cells."""
    grid = np.geomspace(FITTED[0], HORIZON, 400)
    for _ in range(10_000):
        rivals = [draw_law(rng) for _ in range(n_rivals)]
        challenger = draw_law(rng, rng.uniform(-0.02, 0.25), rivals)
        if kind == "plateau":
            challenger = with_plateau(challenger, rng.uniform(55, 150))
        truth = true_crossing(
            grid, challenger(grid) - np.min([law(grid) for law in rivals], axis=0)
        )
        in_reach = 60 < truth < HORIZON
        if in_reach != (kind == "none") and (in_reach or np.isinf(truth)):
            return Case(count_errors(rng, [challenger, *rivals], n_seeds), truth)
    raise RuntimeError


def draw_law(rng: np.random.Generator, later: float = 0.0, rivals: list[Law] | None = None) -> Law:
    """Draw a law; a challenger starts ``later`` above the best rival and may fall more steeply."""
    while True:
        b = rng.uniform(0.1, 0.8 if rivals is None else 1.2)
        c = rng.choice([0, rng.uniform(0, 0.25)])
        best = min((law(SIZES[:1])[0] for law in rivals), default=0) if rivals else 0
        start = best + later if rivals else rng.uniform(0.15, 0.6)
        if c + 0.03 < start < 0.9:
            a = (start - c) * SIZES[0] ** b
            return lambda n, a=a, b=b, c=c: c + a * np.asarray(n) ** -b


def with_plateau(law: Law, until: float) -> Law:
    """A law that begins only at a number of cells; before it, the error stands still."""
    return lambda n: law(np.maximum(n, until))


def count_errors(rng: np.random.Generator, laws: list[Law], n_seeds: int) -> np.ndarray:
    """Errors counted on test cells that the models and sizes of a seed share, in part."""
    spread = rng.uniform(0.02, 0.08)  # of training subsets
    errors = np.empty((n_seeds, len(laws), len(FITTED)))
    for s in range(n_seeds):
        difficulty = rng.random(N_TEST)
        for m, law in enumerate(laws):
            own = np.where(rng.random(N_TEST) < 0.6, difficulty, rng.random(N_TEST))
            luck = rng.normal()
            for k, size in enumerate(FITTED):
                luck = 0.6 * luck + 0.8 * rng.normal()  # subsets are nested
                level = np.clip(law(size) * (1 + spread * luck), 0, 1)
                seen = np.where(rng.random(N_TEST) < 0.7, own, rng.random(N_TEST))
                errors[s, m, k] = (seen < level).mean()
    return errors


def true_crossing(sizes: np.ndarray, lead: np.ndarray) -> float:
    """First size after which the lead is gained for good in the fitted range, or beyond it."""
    ahead = np.flatnonzero(lead <= 0)
    behind = np.flatnonzero((lead > 0) & (sizes <= FITTED[-1]))
    start = behind[-1] if len(behind) else -1
    ahead = ahead[ahead > start]
    if not len(ahead):
        return np.inf
    i = ahead[0]
    if i == 0:
        return float(sizes[0])
    part = lead[i - 1] / (lead[i - 1] - lead[i])
    return float(np.exp(np.interp(part, [0, 1], np.log(sizes[i - 1 : i + 1]))))


# ---------------------------------------------------------------------------- fitted estimators

STUDIES = (
    "means: logistic regression after naive Bayes",
    "means: random forest after logistic regression",
    "interactions: squares after random forest",
    "interactions: random forest after neighbours",
)


def estimators(name: str) -> dict[str, Callable[[int], object]]:
    """Challenger and rival of a study."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    def logistic(_: int) -> object:
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1))

    def forest(seed: int) -> object:
        return RandomForestClassifier(40, random_state=seed)

    def squares(_: int) -> object:
        return make_pipeline(
            StandardScaler(),
            PolynomialFeatures(2, include_bias=False),
            StandardScaler(),
            LinearDiscriminantAnalysis("lsqr", shrinkage=0.5),
        )

    def bayes(_: int) -> object:
        return GaussianNB()

    def neighbours(_: int) -> object:
        return KNeighborsClassifier(15)

    pairs = zip(
        STUDIES,
        ((logistic, bayes), (forest, logistic), (squares, forest), (forest, neighbours)),
        strict=True,
    )
    challenger, rival = dict(pairs)[name]
    return {"challenger": challenger, "rival": rival}


def study(name: str, number: int) -> Case:
    """Measure curves on a small study, and the truth on the other cells of the simulation."""
    kind = "interaction" if name.startswith("interactions") else "mean"
    X, codes = cells(kind, number)
    models = estimators(name)
    small, large = np.arange(600), np.arange(600, len(codes))
    errors = measure(models, X[small], codes[small], FITTED, n_seeds=5, test_fraction=0.25)
    sizes = SIZES[SIZES <= HORIZON]
    known = measure(models, X[large], codes[large], sizes, n_seeds=3, test_fraction=0.4)
    lead = np.subtract(*known.mean(axis=0))
    return Case(errors, true_crossing(sizes, lead))


def cells(kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    import scrna_longformer as sl

    adata = sl.datasets.simulate_interactions(
        7000,
        kind=kind,
        n_modules=4,
        module_size=6,
        n_noise=12,
        mean_effect=0.5,
        random_state=number,
    )
    counts = np.asarray(adata.X.todense())
    X = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
    order = np.random.default_rng(number).permutation(len(X))
    return X[order], adata.obs[f"{kind}_type"].cat.codes.to_numpy().astype(np.int64)[order]


def measure(
    models: dict[str, Callable[[int], object]],
    X: np.ndarray,
    codes: np.ndarray,
    sizes: np.ndarray,
    *,
    n_seeds: int,
    test_fraction: float,
) -> np.ndarray:
    """Errors, seeds x models x sizes."""
    from scrna_longformer.evaluation import (
        cross_validate,
        curve_errors,
        nested_splits,
        size_score_table,
    )

    whole = sizes.astype(int)
    splits = nested_splits(codes, whole, n_seeds=n_seeds, test_fraction=test_fraction)
    results = cross_validate(models, X, codes, splits)
    return curve_errors(size_score_table(results, whole), "accuracy").errors


if __name__ == "__main__":
    main()
