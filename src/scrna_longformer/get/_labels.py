"""Read a column of labels out of ``obs`` as integer codes, and turn codes back into categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData

# A numeric column with more distinct values than this is a measurement, not a set of classes.
MAX_NUMERIC_CLASSES = 100


@dataclass(frozen=True)
class Labels:
    """Labels of all cells.

    Attributes
    ----------
    key
        Column of ``obs`` they were read from.
    codes
        Index into `categories` per cell; -1 where the label is missing (``int64``).
    categories
        The labels that occur, in the order of the column's categories, with their dtype.
    ordered
        Whether the column was an ordered categorical.
    """

    key: str
    codes: np.ndarray
    categories: pd.Index
    ordered: bool = False

    @property
    def labelled(self) -> np.ndarray:
        """Boolean, per cell: whether it has a label."""
        return self.codes >= 0

    @property
    def names(self) -> np.ndarray:
        """Class names as text, in the order of `categories`."""
        return self.categories.astype(str).to_numpy().astype(str)

    @property
    def sizes(self) -> np.ndarray:
        """Number of cells per class."""
        import numpy as np

        return np.bincount(self.codes[self.labelled], minlength=len(self.categories))

    @property
    def digest(self) -> str:
        """Fingerprint of the class names and of the class of every cell, to know them again."""
        from .._digest import digest_array, digest_names

        return digest_names([*self.names, digest_array(self.codes)])

    def to_categorical(self, codes: np.ndarray) -> pd.Categorical:
        """Turn codes (``-1``: missing) into a categorical with the same categories and dtype."""
        import pandas as pd

        return pd.Categorical.from_codes(codes, categories=self.categories, ordered=self.ordered)


def read_labels(
    adata: AnnData, key: str, *, unlabeled: str | None = None, caller: str = "this function"
) -> Labels:
    """Read ``obs[key]`` as labels.

    Parameters
    ----------
    adata
        Annotated data; not changed.
    key
        Column of ``obs``: categorical, text, boolean, or integers.
    unlabeled
        Value that stands for "no label", besides NaN and None.
    caller
        Name of the public function, for the messages.

    Raises
    ------
    KeyError
        No such column.
    TypeError
        The column holds measurements rather than classes.
    ValueError
        Fewer than two classes, or `unlabeled` does not occur.
    """
    import numpy as np

    column = _label_column(adata, key, caller)
    missing = column.isna().to_numpy()
    if unlabeled is not None:
        is_placeholder = (column.astype(object) == unlabeled).to_numpy()
        if not is_placeholder.any():
            msg = (
                f"{caller}: `unlabeled`={unlabeled!r} does not occur in obs[{key!r}]; "
                f"its values are {_shown(column.cat.categories)}."
            )
            raise ValueError(msg)
        missing = missing | is_placeholder
    codes = np.where(missing, -1, column.cat.codes.to_numpy()).astype(np.int64)
    used = np.unique(codes[codes >= 0])
    if len(used) < 2:
        found = _shown(column.cat.categories[used]) if len(used) else "no label at all"
        msg = (
            f"{caller}: obs[{key!r}] has {len(used)} class(es) among its labelled cells ({found}); "
            "a classifier needs at least two. Choose another `key`, or cluster first with "
            "sc.tl.leiden(adata)."
        )
        raise ValueError(msg)
    names = column.cat.categories[used].astype(str)
    if not names.is_unique:
        twice = names[names.duplicated()][0]
        msg = (
            f"{caller}: obs[{key!r}] has classes of different types that read alike, {twice!r}, such as the "
            f"number and the text. Make them one: adata.obs[{key!r}] = adata.obs[{key!r}].astype(str)."
        )
        raise ValueError(msg)
    recode = np.full(
        len(column.cat.categories) + 1, -1, dtype=np.int64
    )  # last entry serves code -1
    recode[used] = np.arange(len(used))
    return Labels(
        key=key,
        codes=recode[codes],
        categories=column.cat.categories[used],
        ordered=bool(column.cat.ordered),
    )


def read_groups(adata: AnnData, groupby: str, *, caller: str = "this function") -> Labels:
    """Read ``obs[groupby]`` as groups of cells; unlike classes, one group is enough.

    Raises
    ------
    KeyError
        No such column.
    TypeError
        The column holds measurements rather than groups.
    ValueError
        Every value is missing.
    """
    import numpy as np

    column = _label_column(adata, groupby, caller, name="groupby").cat.remove_unused_categories()
    if not len(column.cat.categories):
        msg = f"{caller}: `groupby`={groupby!r} is a column of obs without a single value."
        raise ValueError(msg)
    return Labels(
        key=groupby,
        codes=column.cat.codes.to_numpy().astype(np.int64),
        categories=column.cat.categories,
        ordered=bool(column.cat.ordered),
    )


def categorical_columns(adata: AnnData) -> list[str]:
    """Names of the columns of ``obs`` that can serve as labels."""
    import pandas as pd

    return [
        str(name)
        for name, column in adata.obs.items()
        if isinstance(column.dtype, pd.CategoricalDtype)
        or pd.api.types.is_string_dtype(column)
        or pd.api.types.is_bool_dtype(column)
    ]


def _label_column(adata: AnnData, key: str, caller: str, *, name: str = "key") -> pd.Series:
    """Return ``obs[key]`` as a categorical Series, or explain why it cannot be one."""
    import pandas as pd

    if key not in adata.obs.columns:
        existing = categorical_columns(adata)
        advice = (
            f"Columns that could serve: {_shown(existing)}."
            if existing
            else "obs has no categorical column; cluster first with sc.tl.leiden(adata)."
        )
        msg = f"{caller}: `{name}`={key!r} is not a column of obs. {advice}"
        raise KeyError(msg)
    column = adata.obs[key]
    if isinstance(column, pd.DataFrame):
        msg = (
            f"{caller}: obs has {column.shape[1]} columns named `{name}`={key!r}; "
            "names must be unique."
        )
        raise ValueError(msg)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.dropna()
        whole = bool((values == values.round()).all())
        if not whole or values.nunique() > MAX_NUMERIC_CLASSES:
            msg = (
                f"{caller}: obs[{key!r}] holds {values.nunique()} different numbers "
                f"({column.dtype}), a measurement rather than classes. Choose a categorical "
                f"column ({_shown(categorical_columns(adata))}), or bin it with pandas.cut."
            )
            raise TypeError(msg)
        if pd.api.types.is_float_dtype(column):
            column = column.astype("Int64")  # whole numbers with gaps: 1.0 -> 1, NaN stays missing
    elif not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)) and (
        not pd.api.types.is_bool_dtype(column)
    ):
        msg = (
            f"{caller}: obs[{key!r}] has dtype {column.dtype}, which cannot be read as classes. "
            f"Choose a categorical column ({_shown(categorical_columns(adata))})."
        )
        raise TypeError(msg)
    return column.astype("category")


def _shown(values: object, limit: int = 12) -> str:
    """Show the first values of a list in a message."""
    shown = [repr(str(value)) for value in list(values)[:limit]]  # type: ignore[call-overload]
    rest = len(list(values)) - len(shown)  # type: ignore[call-overload]
    return ", ".join(shown) + (f", ... ({rest} more)" if rest > 0 else "")
