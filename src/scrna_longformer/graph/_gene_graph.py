"""The gene graph: who may attend to whom, as sorted neighbour lists."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from scipy import sparse

from ._order import module_order

ORDER_FROM = 2000  # genes: below, a cell fits the caches in any order
MAX_EDGES = 2**31 - 1  # positions and dropout counters are 32-bit


@dataclass(frozen=True, eq=False)
class GeneGraph:
    """Neighbour lists of a gene graph, in the form that attention reads them.

    Row ``i`` lists the genes that gene ``i`` attends to (its keys); every gene attends to itself.
    Make one with :meth:`from_scipy`, which validates; the constructor itself does not.

    Attributes
    ----------
    indptr
        ``int32`` of length ``n_genes + 1``: row ``i`` is ``indices[indptr[i]:indptr[i + 1]]``.
    indices
        ``int32`` of length ``n_edges``, ascending inside each row of a gene graph.
    order
        ``int32`` permutation of the genes, or ``None``: the order in which attention visits the
        rows. It decides which rows share the processor's caches, and never what is computed; with
        ``None`` attention finds a good one itself (:attr:`visiting_order`).
    cells
        ``int32`` offsets of the cells of a token graph, or ``None``: no edge
        leaves ``cells[c]:cells[c + 1]``, so cells can be worked on independently.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> chain = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool))
    >>> graph = GeneGraph.from_scipy(chain)
    >>> graph.n_genes, graph.n_edges, graph.is_symmetric
    (3, 7, True)
    >>> graph.degrees.tolist()
    [2, 3, 2]
    """

    indptr: np.ndarray
    indices: np.ndarray
    order: np.ndarray | None = None
    cells: np.ndarray | None = None

    def __repr__(self) -> str:
        shape = "symmetric" if self.is_symmetric else "directed"
        return f"GeneGraph({self.n_genes} genes, {self.n_edges} edges, {shape})"

    def __getstate__(self) -> dict:
        """Pickle the lists alone: what was derived from them is cheap to derive again."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        if "visiting_order" in vars(self):
            state["visiting_order"] = self.visiting_order  # the one that is not cheap
        return state

    @property
    def n_genes(self) -> int:
        """Number of genes (or tokens)."""
        return len(self.indptr) - 1

    @property
    def n_edges(self) -> int:
        """Number of (query, key) pairs, self loops included."""
        return len(self.indices)

    @property
    def degrees(self) -> np.ndarray:
        """Number of keys of each gene, self loop included."""
        return np.diff(self.indptr)

    @cached_property
    def max_degree(self) -> int:
        """Largest number of keys of a gene (0 for a graph without genes)."""
        return int(self.degrees.max(initial=0))

    @cached_property
    def rows(self) -> np.ndarray:
        """``int32`` query gene of each edge, in the order of ``indices``."""
        return np.repeat(np.arange(self.n_genes, dtype=np.int32), self.degrees)

    @cached_property
    def visiting_order(self) -> np.ndarray | None:
        """The order in which attention visits the rows; ``None`` is their own.

        It is ``order`` if that is given, and :func:`~scrna_longformer.graph.module_order` for
        other graphs of 2,000 genes or more.
        """
        if self.order is None and self.cells is None and self.n_genes >= ORDER_FROM:
            return module_order(self)
        return self.order

    @cached_property
    def is_symmetric(self) -> bool:
        """Whether every edge runs both ways."""
        matrix = self.to_scipy()
        differing = matrix != matrix.T
        return bool(differing.nnz == 0)  # type: ignore[attr-defined]

    @classmethod
    def from_scipy(
        cls, matrix: sparse.sparray | sparse.spmatrix, order: np.ndarray | None = None
    ) -> GeneGraph:
        """Read the graph from a square sparse matrix, rows are queries.

        Parameters
        ----------
        matrix
            Genes × genes; an entry that is stored and not zero is an edge, whatever its value. The
            diagonal must be full: a gene without neighbours has no defined attention.
        order
            Permutation of the genes in which attention visits the rows, instead of the one it would
            find itself.

        Raises
        ------
        ValueError
            If the matrix is not square, a self loop is missing, or ``order`` is no permutation.
        """
        csr = sparse.csr_matrix(matrix, copy=True).astype(bool)  # type: ignore[call-overload]
        csr.sum_duplicates()
        csr.eliminate_zeros()
        csr.sort_indices()
        if csr.shape[0] != csr.shape[1]:
            msg = f"`matrix` must be square (genes × genes), not {csr.shape[0]} × {csr.shape[1]}."
            raise ValueError(msg)
        if csr.nnz > MAX_EDGES:
            msg = f"`matrix` has {csr.nnz} edges; at most {MAX_EDGES} are supported."
            raise ValueError(msg)
        lonely = np.flatnonzero(~csr.diagonal())
        if len(lonely):
            msg = (
                f"`matrix` has no self loop at {len(lonely)} of {csr.shape[0]} genes, the first at "
                f"index {lonely[0]}. Every gene must attend to itself: set the diagonal, for "
                "example with `matrix.setdiag(True)`."
            )
            raise ValueError(msg)
        return cls(
            csr.indptr.astype(np.int32),
            csr.indices.astype(np.int32),
            _as_order(order, csr.shape[0]),
        )

    @classmethod
    def self_only(cls, n_genes: int) -> GeneGraph:
        """Return the graph in which each gene attends to itself alone."""
        return cls(np.arange(n_genes + 1, dtype=np.int32), np.arange(n_genes, dtype=np.int32))

    @classmethod
    def full(cls, n_genes: int) -> GeneGraph:
        """Return the graph in which every gene attends to every gene (``n_genes**2`` edges)."""
        if n_genes**2 > MAX_EDGES:
            msg = f"A full graph of {n_genes} genes has more than {MAX_EDGES} edges."
            raise ValueError(msg)
        indptr = np.arange(0, n_genes**2 + 1, max(n_genes, 1), dtype=np.int32)
        return cls(indptr, np.tile(np.arange(n_genes, dtype=np.int32), n_genes))

    def to_scipy(self) -> sparse.csr_matrix:
        """Return the boolean matrix of the graph."""
        data = np.ones(self.n_edges, dtype=bool)
        shape = (self.n_genes, self.n_genes)
        return sparse.csr_matrix((data, self.indices.copy(), self.indptr.copy()), shape=shape)

    def permuted(self, rng: np.random.Generator) -> GeneGraph:
        """Return the same graph with its genes relabelled at random: equal degrees, other genes.

        This is the control that asks whether it matters *which* genes are neighbours. Module order
        is relabelled with the genes.

        Raises
        ------
        ValueError
            If this is the graph of the tokens of several cells, which would mix.
        """
        if self.cells is not None:
            msg = (
                "The graph of the tokens of several cells cannot be relabelled at random: it would "
                "mix the cells. Relabel the gene graph, restrict that, and pass attention the "
                "TokenGraph itself, not its `.graph`."
            )
            raise ValueError(msg)
        new_label = rng.permutation(self.n_genes)
        old_label = np.argsort(new_label)
        matrix = self.to_scipy()[old_label][:, old_label]
        order = None if self.order is None else new_label[self.order]
        return GeneGraph.from_scipy(matrix, order=order)


def _as_order(order: np.ndarray | None, n_genes: int) -> np.ndarray | None:
    if order is None:
        return None
    given = np.asarray(order)
    is_list = given.dtype.kind in "iu" and given.shape == (n_genes,)  # a cast would hide fractions
    if not is_list or not np.array_equal(np.sort(given), np.arange(n_genes)):
        msg = (
            f"`order` must be a permutation of the {n_genes} genes, each index once, not "
            f"{given.dtype} of shape {given.shape}."
        )
        raise ValueError(msg)
    return np.ascontiguousarray(given, dtype=np.int32)
