"""Columns of a matrix that are the labels in disguise, and totals that spell them."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from ...features._counts import has_counts, recover_counts
from ...features._ranking import Matrix, is_sparse, rank_f_test, rank_markers
from ...features._state import LOG_MAXIMUM, summarise_values
from ...features._totals import cell_totals

N_CANDIDATES = 20  # genes looked at: those that differ most between classes
TREE_ACCURACY = 0.98  # balanced, of one gene alone, on three classes or more
LONE_ACCURACY = 0.995  # the same on two classes
NEXT_ACCURACY = 0.9  # of the best gene beside those few: real markers come in numbers
FEW, FEW_NOISY = 4, 3  # columns that labels are found in, and columns of labels with errors
PANEL = 100  # of fewer genes, a few may be all that tell the classes
LEAST_STEP = 6.0  # between levels, over spread within classes: few real genes have such levels
NOISY_SKILL, NEXT_SKILL = 0.85, 0.6  # of labels with errors, and of the next gene as a share of it
COUNT_GAP = 20.0  # gap over spread within classes: counts of any real gene vary more than this
LOG_GAP = 40.0  # the same for logarithms
LEAST_CELLS, LEAST_COUNTED = 5, 10  # of a class; small counts of fewer cells can be equal by chance
LEAST_RANGE = 1e-3  # of the logarithm of totals: less is rounding


def label_genes(X: Matrix, codes: np.ndarray) -> np.ndarray:
    """Columns of ``X`` that are labels rather than genes.

    Parameters
    ----------
    X
        Cells x genes.
    codes
        Class of each cell.

    Returns
    -------
    Column indices, ascending.
    """
    cells = np.flatnonzero(codes >= 0)
    X, codes = X[cells], codes[cells]
    n_classes = int(codes.max()) + 1
    per_class = rank_markers(X, codes, n_classes)[: 2 * n_classes]
    candidates = np.unique([*rank_f_test(X, codes)[:N_CANDIDATES], *per_class])
    values = _dense(X[:, candidates])
    counts = _counts(X, candidates)
    is_label = _tell_all(values, codes, is_panel=X.shape[1] < PANEL)
    # the spread of a clipped gene is that of the clipping
    is_clipped = values.max(axis=0) >= _ceiling(X, n_classes)
    linear = np.expm1(values) if _are_logs(X) else None
    for j in range(len(candidates)):
        if not is_clipped[j] and _too_even(values[:, j], codes, LOG_GAP, LEAST_CELLS):
            # logarithms draw the cells of a gene together that is most of what they hold
            is_label[j] |= linear is None or _too_even(linear[:, j], codes, COUNT_GAP, LEAST_CELLS)
        if counts is not None:
            is_label[j] |= _too_even(counts[:, j], codes, COUNT_GAP, LEAST_COUNTED)
    return candidates[is_label]


def total_is_label(X: Matrix, codes: np.ndarray) -> bool:
    """Whether the totals that cells were scaled to tell classes, as no molecules do.

    That a tree can tell classes by them shows nothing: where genes were selected after scaling,
    the totals of what is left differ between types by themselves, but they vary within them.
    """
    cells = np.flatnonzero(codes >= 0)
    X, codes = X[cells], codes[cells]
    if not _are_logs(X) or _ceiling(X, int(codes.max()) + 1) < np.inf:
        return False
    totals = np.log1p(cell_totals(X))
    if np.ptp(totals) < LEAST_RANGE:
        return False
    return _cut_too_clear(totals, codes, LOG_GAP, LEAST_CELLS)


def _are_logs(X: Matrix) -> bool:
    summary = summarise_values(X)
    return summary.minimum >= 0 and summary.maximum < LOG_MAXIMUM


def _ceiling(X: Matrix, n_classes: int) -> float:
    """Value that the matrix was clipped at (as ``sc.pp.scale(max_value=10)`` does), or infinity.

    Genes share their largest value where they were clipped at it. So do columns of labels, which
    are as many as the classes at most and hold negative values only if they were scaled too; and
    genes scaled by their largest value, which a single cell has.
    """
    top = float(X.max())
    if top <= 0:  # also, zeros that a sparse matrix leaves out cannot be counted
        return np.inf
    n_at_top = np.asarray((top == X).sum(axis=0)).ravel()
    centred = X.min() < 0 and (n_at_top > 0).sum() > 1
    return top if centred or (n_at_top > 1).sum() > n_classes else np.inf


def _counts(X: Matrix, columns: np.ndarray) -> np.ndarray | None:
    """Counts behind log values; ``None`` where there are none."""
    if not has_counts(X):
        return None
    try:
        return _dense(recover_counts(X)[:, columns])
    except ValueError:  # other cells than those that were sampled
        return None


def _tell_all(values: np.ndarray, codes: np.ndarray, *, is_panel: bool) -> np.ndarray:
    """Whether a small tree on one gene (columns) tells all classes, and on few others."""
    sizes = np.bincount(codes)
    n_classes = int((sizes >= 3).sum())
    if n_classes < 2:
        return np.zeros(values.shape[1], dtype=bool)
    usable = sizes[codes] >= 3
    x, y = values[usable], codes[usable]
    tree = DecisionTreeClassifier(max_leaf_nodes=3 * n_classes, random_state=0)
    # on the same cells first: it bounds what held-out cells can give, and most genes fail here
    reached = np.array(
        [balanced_accuracy_score(y, tree.fit(g, y).predict(g)) for g in x.T[:, :, None]]
    )
    if n_classes == 2:
        least = _least_of_two(reached, is_panel=is_panel)
    else:
        least = _least_of_many(reached, x, y)
        if not is_panel:
            least = np.minimum(least, _least_with_errors(reached, n_classes))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    for j in np.flatnonzero(reached >= least):
        held_out = cross_val_predict(tree, x[:, [j]], y, cv=folds)
        reached[j] = balanced_accuracy_score(y, held_out)
    return reached >= least


def _least_of_two(reached: np.ndarray, *, is_panel: bool) -> np.ndarray:
    """Accuracy at which each gene tells two classes as labels do; infinite where many come near."""
    few = 1 if is_panel else FEW
    beside = np.sort(reached)[::-1][: few + 1][-1]
    return np.full(len(reached), np.inf if beside > NEXT_ACCURACY else LONE_ACCURACY)


def _least_of_many(reached: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same for three classes or more, of which a gene with clear levels needs none to be far."""
    tells = reached >= TREE_ACCURACY
    least = np.full(len(reached), np.inf)
    if tells.sum() <= FEW:
        is_far = reached[~tells].max(initial=0) < NEXT_ACCURACY
        for j in np.flatnonzero(tells):
            if is_far or _least_step(x[:, j], y) >= LEAST_STEP:
                least[j] = TREE_ACCURACY
    return least


def _least_with_errors(reached: np.ndarray, n_classes: int) -> np.ndarray:
    """Accuracy at which genes are labels with errors; infinite where others come near."""
    skill = (n_classes * reached - 1) / (n_classes - 1)
    best = np.sort(skill)[::-1]
    least = np.full(len(reached), np.inf)
    for n in range(1, min(FEW_NOISY + 1, len(best))):
        if best[n - 1] >= NOISY_SKILL and best[n] <= NEXT_SKILL * best[n - 1]:
            least[skill >= best[n - 1]] = (1 + NOISY_SKILL * (n_classes - 1)) / n_classes
    return least


def _least_step(values: np.ndarray, codes: np.ndarray) -> float:
    """Smallest step from one class mean to the next, over the largest spread within a class."""
    groups = [values[codes == code] for code in np.unique(codes)]
    step = np.diff(np.sort([g.mean() for g in groups])).min()
    return float(step / max(*(g.std() for g in groups), np.finfo(float).tiny))


def _too_even(values: np.ndarray, codes: np.ndarray, least_gap: float, least_cells: int) -> bool:
    """Whether classes stand apart from the rest further than noise within classes allows."""
    rule = (values, codes, least_gap, least_cells)
    return _class_too_even(*rule) or _cut_too_clear(*rule)


def _class_too_even(
    values: np.ndarray, codes: np.ndarray, least_gap: float, least_cells: int
) -> bool:
    """Whether one class stands so far apart.

    Only molecules that are there are counted with noise: a class without any has no spread, and
    where it is the lower one, the cells that have some are looked at as well.
    """
    for code in np.unique(codes):
        inside, outside = values[codes == code], values[codes != code]
        if min(len(inside), len(outside)) < least_cells:
            continue
        gap = max(inside.min() - outside.max(), outside.min() - inside.max())
        is_lower = inside.max() < outside.min()
        spread = max(inside.std(), outside.std()) if is_lower else inside.std()
        if gap > 0 and gap > least_gap * spread:
            return True
    return False


def _cut_too_clear(
    values: np.ndarray, codes: np.ndarray, least_gap: float, least_cells: int
) -> bool:
    """Whether some classes lie so far above all others, by the largest spread within a class.

    Labels may be spread over columns, as bits are, and each then tells some classes from others. A
    marker that several types share varies within them at least as molecules that are counted do.
    """
    groups = [values[codes == code] for code in np.unique(codes)]
    groups = sorted((g for g in groups if len(g) >= least_cells), key=np.mean)
    spread = max((g.std() for g in groups), default=0.0)
    for i in range(1, len(groups)):
        gap = min(g.min() for g in groups[i:]) - max(g.max() for g in groups[:i])
        if gap > 0 and gap > least_gap * spread:
            return True
    return False


def _dense(X: Matrix) -> np.ndarray:
    return np.asarray(X.toarray() if is_sparse(X) else X, dtype=np.float64)
