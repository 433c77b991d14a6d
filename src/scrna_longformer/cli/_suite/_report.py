"""Print the tables of a finished suite as Markdown, and draw its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ._manifest import NAME, read_manifest
from ._plan import CONTESTANTS, HYBRID, PURE
from ._standing import LINEAR, SHOWN, of_contest, of_hybrid, score, standings
from ._tables import FOLDS, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

CIRCULAR = {"clustered": "°", "assigned": "′", "estimated": "°"}
_NO_BREAK = "\u00a0"  # a narrow cell breaks before an interval, and not within it
_METRICS = {"macro_f1": "Macro-F1", "log_loss": "Log-loss", "ece": "Calibration error"}
_TARGETS = (
    "longformer − best simple, macro-F1 ≥ −0.005",
    "longformer − best simple, log-loss ≤ 0.01",
    "alone − logistic regression, macro-F1 ≥ −0.02",
    "longformer, calibration error ≤ 0.04",
)


def report(output: Path, figures: Path) -> None:
    """Print the tables of a run and draw its figures into a folder.

    Raises
    ------
    click.UsageError
        If there is no run in the folder, or only a quick one, whose numbers mean nothing.
    """
    from ._figures import draw_differences

    if not (output / NAME).exists():
        msg = f"{output} holds no run of the suite: scrna-longformer benchmark --out {output}"
        raise click.UsageError(msg)
    manifest = read_manifest(output)
    if manifest["suite"] == "quick":
        msg = f"{output} holds a --quick run, which shows that the suite runs and nothing else."
        raise click.UsageError(msg)
    tables = read(output)
    standing = standings(tables, manifest)
    click.echo("\n\n".join(pages(tables, manifest, standing)))
    figures.mkdir(parents=True, exist_ok=True)
    draw_differences(standing, figures / "benchmarks.png")


def pages(
    tables: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any], standing: pd.DataFrame
) -> list[str]:
    """All tables, in Markdown."""
    contests = manifest["contests"]
    return [
        _run(manifest),
        _sets(contests),
        *(_scores(tables, contests, standing, metric) for metric in SHOWN),
        _differences(tables, contests, standing),
        _targets(tables, contests, standing),
        _everyone(tables, contests),
    ]


def _run(manifest: Mapping[str, Any]) -> str:
    machine, versions = manifest["machine"], manifest["versions"]
    packages = ("scrna-longformer", "torch", "scikit-learn", "numpy")
    return (
        f"Commit {manifest['commit'][:10]}, "
        f"{', '.join(f'{name} {versions[name]}' for name in packages)}, Python {machine['python']}; "
        f"{machine['processor']}, {machine['threads']} thread(s); seed {manifest['random_state']}; "
        f"{manifest['hours']:.1f} hours of fitting and predicting; "
        f"{'complete' if manifest['complete'] else 'broken off'}."
    )


def _sets(contests: Iterable[Mapping[str, Any]]) -> str:
    return _markdown(
        ["set", "held out", "labels", "cells", "genes", "classes", "folds (repeats)"],
        [
            [
                *_names(about),
                f"{about['kind']}",
                f"{about['n_cells']:,}"
                + (
                    f" of {about['n_cells_of_set']:,}"
                    if about["n_cells"] < about["n_cells_of_set"]
                    else ""
                ),
                f"{about['n_genes']:,}",
                f"{about['n_classes']} ({about['smallest_class']} to {about['largest_class']:,})",
                f"{about['n_folds']} ({about['n_repeats']})",
            ]
            for about in contests
        ],
    )


def _scores(
    tables: Mapping[str, pd.DataFrame],
    contests: Iterable[Mapping[str, Any]],
    standing: pd.DataFrame,
    metric: str,
) -> str:
    rows = []
    for i, about in enumerate(contests):
        rival = _of(standing, i, metric, HYBRID)["rival"]
        cells = [
            _with_interval(score(tables, about, model, metric))
            for model in (LINEAR, rival, HYBRID, PURE)
        ]
        cells[1] += f" {rival}"
        if metric == "ece":
            cells.append(f"{of_hybrid(tables, about, 'ece_by_luck').mean():.3f}")
        rows.append([*_names(about), *cells])
    header = ["set", "held out", "logistic regression", "best simple", "longformer", "alone"]
    if metric == "ece":
        header.append("of luck alone")
    return f"{_METRICS[metric]}\n\n{_markdown(header, rows)}"


def _differences(
    tables: Mapping[str, pd.DataFrame],
    contests: Iterable[Mapping[str, Any]],
    standing: pd.DataFrame,
) -> str:
    rows = []
    for i, about in enumerate(contests):
        gate = of_hybrid(tables, about, "gate")
        seconds = [
            score(tables, about, m, "fit_seconds")["mean"] for m in (LINEAR, "simple_mean", HYBRID)
        ]
        rows.append(
            [
                *_names(about),
                *(
                    _difference(_of(standing, i, metric, model))
                    for model in (HYBRID, PURE)
                    for metric in ("macro_f1", "log_loss")
                ),
                f"{gate.mean():.2f} ({(gate == 0).mean():.0%})" if len(gate) else "",
                " / ".join(f"{s:.1f}" for s in seconds),
            ]
        )
    header = [
        *("set", "held out", "longformer, F1", "longformer, log-loss", "alone, F1"),
        *("alone, log-loss", "gate (share at 0)", "fit, s"),
    ]
    return f"Difference to the best simple model\n\n{_markdown(header, rows)}"


def _targets(
    tables: Mapping[str, pd.DataFrame],
    contests: Iterable[Mapping[str, Any]],
    standing: pd.DataFrame,
) -> str:
    rows = []
    for i, about in enumerate(contests):
        f1, loss = (_of(standing, i, m, HYBRID)["difference"] for m in ("macro_f1", "log_loss"))
        alone = (
            score(tables, about, PURE, "macro_f1")["mean"]
            - score(tables, about, LINEAR, "macro_f1")["mean"]
        )
        error = score(tables, about, HYBRID, "ece")["mean"]
        met = (f1 >= -0.005, loss <= 0.01, alone >= -0.02, error <= 0.04)
        values = (f1, loss, alone, error)
        rows.append(
            [
                *_names(about),
                *(
                    f"{'met' if ok else '**missed**'} ({value:+.3f})"
                    for ok, value in zip(met, values, strict=True)
                ),
            ]
        )
    return f"Targets\n\n{_markdown(['set', 'held out', *_TARGETS], rows)}"


def _everyone(tables: Mapping[str, pd.DataFrame], contests: Iterable[Mapping[str, Any]]) -> str:
    rows = []
    for about in contests:
        folds = of_contest(tables[FOLDS], about).query("metric == 'macro_f1'")
        means = folds.groupby("model")["value"].mean()
        best = means.max()
        rows.append(
            [
                *_names(about),
                *(
                    (f"**{means[m]:.3f}**" if means[m] == best else f"{means[m]:.3f}")
                    if m in means
                    else ""
                    for m in CONTESTANTS
                ),
            ]
        )
    header = ["set", "held out", *(name.replace("_", " ") for name in CONTESTANTS)]
    return f"Macro-F1 of all contestants\n\n{_markdown(header, rows)}"


def _names(about: Mapping[str, Any]) -> list[str]:
    return [f"{about['set']}{CIRCULAR.get(about['kind'], '')}", about["regime"]]


def _of(standing: pd.DataFrame, contest: int, metric: str, model: str) -> pd.Series:
    keys = {"contest": contest, "metric": metric, "model": model}
    return standing[np.logical_and.reduce([standing[k] == v for k, v in keys.items()])].iloc[0]


def _with_interval(row: pd.Series) -> str:
    return f"{row['mean']:.3f} [{row['low']:.3f},{_NO_BREAK}{row['high']:.3f}]"


def _difference(row: pd.Series) -> str:
    p = row["p_holm"]
    shown = "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
    mark = "ᶜ" if row["p_over"] == "cells" else ""
    interval = f"[{row['low']:+.3f},{_NO_BREAK}{row['high']:+.3f}]"
    text = f"{row['difference']:+.3f} {interval}, {shown}{mark}"
    return f"**{text}**" if row["is_better"] else text


def _markdown(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
