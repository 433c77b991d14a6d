"""How numbers and names are written in a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NAMES = {
    "logistic_regression": "logistic regression",
    "simple_mean": "the simple mean of linear models",
    "nearest_centroid": "nearest centroid",
    "random_forest": "random forest",
    "hist_gradient_boosting": "gradient boosting",
    "knn_pca": "nearest neighbours on principal components",
    "mlp": "a perceptron",
}
FLOORS = {
    "majority": "predicting the commonest class",
    "stratified_random": "drawing classes at random",
    "depth_only": "counting molecules, without looking at a gene",
}
METRICS = {"macro_f1": "macro-F1", "weighted_f1": "weighted F1", "mcc": "Matthews correlation"}
COSTS = {"peak_memory_mb": "MB of memory", "energy_wh": "Wh"}


def named(model: str) -> str:
    """Words for a contestant; contestants of one's own, and transformers, keep their name."""
    return NAMES.get(model, model)


def skill_named(floor: str) -> str:
    """Words for what a floor does; by another name it is said by that."""
    return FLOORS.get(floor, f"what {floor} does without looking at a gene")


def metric_named(metric: str) -> str:
    """Words for a score."""
    return METRICS.get(metric, metric.replace("_", " "))


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Join names with commas and a word."""
    return f" {joint} ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""


def score(value: float) -> str:
    """Three decimals; no minus before zero."""
    return f"{value:.3f}".replace("-0.000", "0.000")


def p_value(value: float) -> str:
    """Three decimals, and small ones as such."""
    return "< 0.001" if value < 0.0005 else f"= {value:.3f}"


def amount(value: float) -> str:
    """Two significant digits, without exponents."""
    digits = float(f"{value:.2g}")
    return f"{digits:,.0f}" if digits >= 10 else f"{digits:g}" if digits >= 1e-4 else "under 0.0001"


def percent(share: float) -> str:
    """Whole per cent; 100 and 0 only where they are exact."""
    whole = round(100 * share)
    if 0 < share < 1:
        whole = min(max(whole, 1), 99)
    return f"{whole} %"


def cells(number: float) -> str:
    """Three digits: no curve knows more."""
    return f"{float(f'{number:.3g}'):,.0f}"


def costs(row: Mapping[str, float]) -> str:
    """What a fit costs, as far as it was measured."""
    parts = [f"{amount(row['fit_seconds'])} s"]
    parts += [
        f"{amount(row[cost])} {unit}"
        for cost, unit in COSTS.items()
        if cost in row and row[cost] == row[cost]
    ]
    return listed(parts)


def interval(low: float, high: float, *, of: str = "") -> str:
    """An interval in brackets, where there is one."""
    return f" (95 % interval{of} {score(low)} to {score(high)})" if low == low else ""


def clause(text: str) -> str:
    """Turn sentences into a part of one: no full stop, semicolons between, a small first letter."""
    joined = text.strip().rstrip(".").replace(". ", "; ")
    second = joined[1:2]
    return joined[:1].lower() + joined[1:] if second.islower() or second == " " else joined
