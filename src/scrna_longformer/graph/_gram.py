"""Dot products between genes, a block of genes at a time: from the non-zeros alone, or by BLAS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 4 << 20  # cells that pass together through the sparse kernel: they stay in cache
_DENSE_BYTES = 64 << 20  # largest dense piece of the matrix that BLAS is given
_BLAS_ADVANTAGE = 12  # products that BLAS adds up while the sparse kernel adds one (measured)


@dataclass(frozen=True)
class GeneProducts:
    """Cells x genes values by cell and by gene, ready for dot products between genes.

    An exact product is the sum over cells, in their order, of float32 values multiplied in float64.
    No such multiplication rounds, and adding zeros changes nothing, so an exact product is the same
    bits in both directions, for dense and sparse input, and for genes with equal values.
    """

    by_cell: sp.csr_matrix
    by_gene: sp.csr_matrix

    @classmethod
    def from_matrix(cls, X: np.ndarray | sp.csr_matrix) -> GeneProducts:
        """Copy any cells x genes matrix to canonical float32, by cell and by gene."""
        by_cell = sp.csr_matrix(X, dtype=np.float32, copy=False)
        if not (by_cell.has_canonical_format and by_cell.data.all()):
            by_cell = by_cell.copy()
            by_cell.sum_duplicates()
            by_cell.eliminate_zeros()
        return cls(_indexed(by_cell), _indexed(by_cell.T.tocsr()))

    def take(self, genes: np.ndarray) -> GeneProducts:
        """Keep only these genes."""
        return type(self)(_indexed(self.by_cell[:, genes]), _indexed(self.by_gene[genes]))

    @property
    def shape(self) -> tuple[int, int]:
        """Cells, genes."""
        return self.by_cell.shape

    @property
    def prefers_blas(self) -> bool:
        """Whether the values are so dense that multiplying the zeros too is faster."""
        per_cell = np.diff(self.by_cell.indptr).astype(np.float64)
        n_cells, n_genes = self.shape
        return float(per_cell @ per_cell) * _BLAS_ADVANTAGE > n_cells * float(n_genes) ** 2

    def exact_rows(self, first: int, last: int) -> np.ndarray:
        """Exact products of genes ``first:last`` with all genes, ``(last - first, genes)``."""
        row_bytes = 8 * max(1, self.by_cell.nnz) / self.shape[0]
        out = np.zeros((last - first, self.shape[1]))
        _sparse_rows(
            *(self.by_gene.indptr[first : last + 1], self.by_gene.indices, self.by_gene.data),
            *(self.by_cell.indptr, self.by_cell.indices, self.by_cell.data),
            max(1, int(_CHUNK_BYTES / row_bytes)),
            out,
        )
        return out

    def blas_rows(self, first: int, last: int) -> np.ndarray:
        """Return :meth:`exact_rows` but for rounding, by dense products."""
        n_cells, n_genes = self.shape
        out = np.zeros((last - first, n_genes))
        for cells in _slices(n_cells, _DENSE_BYTES // (8 * (last - first))):
            block = self.by_gene[first:last, cells].toarray().astype(np.float64)
            for genes in _slices(n_genes, _DENSE_BYTES // (8 * block.shape[1])):
                others = self.by_gene[genes, cells].toarray().astype(np.float64)
                out[:, genes] += block @ others.T
        return out

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Exact sum and sum of squares of every gene."""
        return _sums(self.by_gene.indptr, self.by_gene.data)

    def exact_pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Exact products of gene ``rows[p]`` with gene ``columns[p]``, for each p."""
        genes = self.by_gene
        return _sparse_pairs(genes.indptr, genes.indices, genes.data, rows, columns)


def _indexed(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Give row pointers 64 bits and indices 32, so that the kernels are compiled once."""
    matrix.indptr = matrix.indptr.astype(np.int64, copy=False)
    matrix.indices = matrix.indices.astype(np.int32, copy=False)
    return matrix


def _slices(stop: int, step: int) -> Iterator[slice]:
    step = max(1, step)
    return (slice(start, min(start + step, stop)) for start in range(0, stop, step))


@numba.njit(nogil=True, cache=True)
def _sparse_rows(
    gene_ptr: np.ndarray,
    gene_cells: np.ndarray,
    gene_values: np.ndarray,
    cell_ptr: np.ndarray,
    cell_genes: np.ndarray,
    cell_values: np.ndarray,
    chunk: int,
    out: np.ndarray,
) -> None:
    """Add to ``out[i]`` the cells that express gene i, weighted with its value there.

    Cells come in chunks that fit the cache, because most genes of the block visit most of them.
    """
    n_cells = len(cell_ptr) - 1
    cursor = gene_ptr[:-1].copy()
    for start in range(0, n_cells, chunk):
        for i in range(len(cursor)):
            row = out[i]
            position = cursor[i]
            while position < gene_ptr[i + 1] and gene_cells[position] < start + chunk:
                cell = gene_cells[position]
                value = np.float64(gene_values[position])
                genes = cell_genes[cell_ptr[cell] : cell_ptr[cell + 1]]
                values = cell_values[cell_ptr[cell] : cell_ptr[cell + 1]]
                for entry in range(len(genes)):
                    # unsigned: numba need not ask whether the index counts from the end
                    row[np.uint32(genes[entry])] += value * np.float64(values[entry])
                position += 1
            cursor[i] = position


@numba.njit(nogil=True, cache=True)
def _sparse_pairs(
    gene_ptr: np.ndarray,
    gene_cells: np.ndarray,
    gene_values: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """Walk the two sorted cell lists of each pair of genes side by side."""
    out = np.zeros(len(rows))
    for pair in range(len(rows)):
        a, a_end = gene_ptr[rows[pair]], gene_ptr[rows[pair] + 1]
        b, b_end = gene_ptr[columns[pair]], gene_ptr[columns[pair] + 1]
        total = 0.0
        while a < a_end and b < b_end:
            if gene_cells[a] == gene_cells[b]:
                total += np.float64(gene_values[a]) * np.float64(gene_values[b])
                a += 1
                b += 1
            elif gene_cells[a] < gene_cells[b]:
                a += 1
            else:
                b += 1
        out[pair] = total
    return out


@numba.njit(nogil=True, cache=True)
def _sums(gene_ptr: np.ndarray, gene_values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add up the values and their squares, one after the other, in float64."""
    sums, squares = np.zeros(len(gene_ptr) - 1), np.zeros(len(gene_ptr) - 1)
    for gene in range(len(sums)):
        for value in gene_values[gene_ptr[gene] : gene_ptr[gene + 1]]:
            sums[gene] += np.float64(value)
            squares[gene] += np.float64(value) * np.float64(value)
    return sums, squares
