"""Finished folds of a comparison in a folder, so that a broken one goes on where it stopped."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._digest import digest_array, digest_names
from ._benchmark import FoldResult
from ._identity import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..features._ranking import Matrix
    from ._split import Split

_PACKAGES = ("scrna-longformer", "scikit-learn", "numpy", "scipy", "torch")


class FoldStore:
    """Files of finished folds, each named by a fingerprint of everything that made it.

    The fingerprint covers expression values, labels, the rows of the fold, the contestant with its
    parameters and source, the seeds, the versions of the packages and the source of this one: whatever
    of these changes, the fold is run again, and one folder may serve many comparisons. A file is an
    ``npz`` archive of arrays and one JSON text, never a pickle; it is written aside and then renamed,
    so that it is either whole or absent.

    Parameters
    ----------
    folder
        Where the files go; made if need be.
    models, X, codes, splits, n_seeds, random_state
        As given to :func:`cross_validate`.
    **options
        Other arguments of it that change a result.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from scrna_longformer.evaluation import cross_validate, make_splits
    >>> codes = np.repeat([0, 1], 20)
    >>> X = np.random.default_rng(0).normal(size=(40, 3)) + codes[:, None]
    >>> models, splits = {"Gauss": GaussianNB()}, make_splits(codes)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FoldStore(folder, models, X, codes, splits)
    ...     results = cross_validate(models, X, codes, splits[:2], on_result=store.save)
    ...     len(store.load())
    2
    """

    def __init__(
        self,
        folder: str | Path,
        models: Mapping[str, Any],
        X: Matrix,
        codes: np.ndarray,
        splits: Sequence[Split],
        *,
        n_seeds: int = 1,
        random_state: int = 0,
        **options: Any,
    ) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        everything = {
            "data": _digest_matrix(X),
            "labels": digest_array(codes),
            "random_state": random_state,
            "options": options,
            "fields": [field.name for field in fields(FoldResult)],
            "versions": {name: _version(name) for name in _PACKAGES},
            "source": _own_source(),
        }
        contestants = {name: describe(model) for name, model in models.items()}
        self._paths = {}
        for split in splits:
            parts = [split.train, split.test] + [split.unlabelled] * (len(split.unlabelled) > 0)
            rows = [digest_array(part) for part in parts]
            for name, description in contestants.items():
                for seed in range(n_seeds):
                    place = [name, split.repeat, split.fold, seed]
                    made_by = {**everything, "contestant": description, "rows": rows, "of": place}
                    key = digest_names([json.dumps(made_by, sort_keys=True)])
                    self._paths[tuple(place)] = self.folder / f"fold-{key}.npz"

    def load(self) -> list[FoldResult]:
        """Read the folds that are there.

        Raises
        ------
        ValueError
            If a file cannot be read.
        """
        return [_read(path) for path in self._paths.values() if path.exists()]

    def save(self, result: FoldResult) -> None:
        """Write one fold; one that was not run is passed over."""
        if result.status != "ok":
            return
        values = {field.name: getattr(result, field.name) for field in fields(result)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        rest = json.dumps({name: value for name, value in values.items() if name not in arrays})
        path = self._paths[result.key]
        aside = path.with_suffix(f".{os.getpid()}.tmp")
        with aside.open("wb") as file:
            np.savez_compressed(file, json=np.array(rest), **arrays)  # type: ignore[arg-type]
        aside.replace(path)


def _read(path: Path) -> FoldResult:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name != "json"}
            rest = json.loads(str(archive["json"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        msg = f"{path} in `checkpoint_dir` cannot be read ({error}). Delete it: its fold is run again."
        raise ValueError(msg) from error
    return FoldResult(**arrays, **rest)


def _digest_matrix(X: Matrix) -> str:
    """Fingerprint of the values, sparse or dense."""
    if isinstance(X, np.ndarray):
        return digest_array(X)
    rows = X.tocsr()
    return digest_names(
        [str(rows.shape), *(digest_array(part) for part in (rows.data, rows.indices, rows.indptr))]
    )


@cache
def _own_source() -> str:
    """Fingerprint of this package's code: between releases it changes and the version does not."""
    root = Path(__file__).parents[1]
    return digest_names([path.read_text("utf-8") for path in sorted(root.rglob("*.py"))])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
