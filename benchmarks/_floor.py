"""What reading the neighbours' rows takes, with no attention computed: two floors for the kernels.

Each edge of each cell reads a row of keys and one of values; a backward reads and writes their gradients
besides. The first floor is as many bytes from a buffer that lies in the L2 cache. The second is the
rows themselves, in the kernels' order and as densely packed as there: where the rows of a cell exceed the
cache, some come from farther away, whatever is computed with them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numba
import numpy as np

from scrna_longformer.attention._lists import neighbour_lists
from scrna_longformer.attention._numba_vectors import Layout, load_row, store, zero_row
from scrna_longformer.graph import GeneGraph

BUFFER = 2**19  # bytes: half of the L2 cache of most processors


@numba.njit(nogil=True)
def _read(layout, buffer, n_rows, out):
    total, length = zero_row(layout), len(buffer) // layout.d
    for _ in range(n_rows // length):
        for i in range(length):
            total = total + load_row(buffer, i * layout.d, layout)
    for i in range(n_rows % length):
        total = total + load_row(buffer, i * layout.d, layout)
    store(out, 0, total)


@numba.njit(nogil=True)
def _read_neighbours(layout, rows, neighbours, n_genes, n_cells, out):
    total, d = zero_row(layout), layout.d
    for cell in range(n_cells):
        for neighbour in neighbours:
            key = (cell * n_genes + neighbour) * 2 * d
            total = total + load_row(rows, key, layout)
            total = total + load_row(rows, key + d, layout)
    store(out, 0, total)


@numba.njit(nogil=True)
def _add_to_neighbours(layout, rows, grads, neighbours, n_genes, n_cells):
    d = layout.d
    for cell in range(n_cells):
        for neighbour in neighbours:
            key = (cell * n_genes + neighbour) * 2 * d
            of_key, of_value = load_row(rows, key, layout), load_row(rows, key + d, layout)
            store(grads, key, load_row(grads, key, layout) + of_key)
            store(grads, key + d, load_row(grads, key + d, layout) + of_value)


@dataclass
class GatherFloor:
    """Time of reading the rows of all edges, forward and backward."""

    graph: GeneGraph
    cells: int
    layout: Layout
    _rows: np.ndarray = field(init=False)
    _grads: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        size = self.cells * self.graph.n_genes * 2 * self.layout.d
        self._rows, self._grads = np.ones(size, np.float32), np.zeros(size, np.float32)
        self._buffer = np.ones(BUFFER // 4, np.float32)
        self._out = np.zeros(self.layout.d, np.float32)

    @property
    def bytes_forward(self) -> int:
        """Bytes of a key and a value per edge and cell; a backward moves three times as many."""
        return 8 * self.layout.d * self.cells * self.graph.n_edges

    def seconds(self) -> np.ndarray:
        """Processor time: from the L2 cache, of the rows themselves × forward, backward."""
        n_rows = 2 * self.cells * self.graph.n_edges
        where = neighbour_lists(self.graph).neighbours, self.graph.n_genes, self.cells
        works = (
            lambda: _read(self.layout, self._buffer, n_rows, self._out),
            lambda: _read(self.layout, self._buffer, 3 * n_rows, self._out),
            lambda: _read_neighbours(self.layout, self._rows, *where, self._out),
            lambda: _add_to_neighbours(self.layout, self._rows, self._grads, *where),
        )
        times = []
        for work in works:
            work()  # not timed, as with the contestants
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return np.array(times).reshape(2, 2)
