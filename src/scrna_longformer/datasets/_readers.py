"""Read the file formats of the data sets into plain arrays: R, old h5ad, HDF5."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from scipy.sparse import csr_matrix


def read_r(path: Path) -> Any:
    """Read an R file: a dictionary from ``.rda``, one object from ``.rds``."""
    import rdata

    read = rdata.read_rds if path.suffix == ".rds" else rdata.read_rda
    with warnings.catch_warnings():
        # S4 classes (dgCMatrix, DFrame, ...) have no constructor in rdata; their slots, which come
        # back as attributes of a namespace, are all that we read
        warnings.filterwarnings("ignore", "Missing constructor for R class", UserWarning)
        return read(path)


def sparse_counts(matrix: Any) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """Turn an R dgCMatrix (genes x cells) into cells x genes CSR, cell names and gene names.

    The columns of the one are the rows of the other, so no entry moves.
    """
    import numpy as np
    from scipy.sparse import csr_matrix

    n_genes, n_cells = (int(n) for n in matrix.Dim)
    counts = csr_matrix((matrix.x.astype(np.float32), matrix.i, matrix.p), shape=(n_cells, n_genes))
    genes, cells = (np.asarray(names).astype(str) for names in matrix.Dimnames)
    return counts, cells, genes


def dense_counts(matrix: Any) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """Turn an R matrix with names (genes x cells) into cells x genes CSR, cells and genes."""
    import numpy as np
    from scipy.sparse import csr_matrix

    genes, cells = (matrix.coords[dim].values.astype(str) for dim in ("dim_0", "dim_1"))
    return csr_matrix(matrix.values.T.astype(np.float32)), cells, genes


def read_hdf5(path: Path) -> tuple[csr_matrix, np.ndarray, np.ndarray | None]:
    """Read counts (cells x genes), integer clusters and, if there are any, proteins."""
    import h5py
    import numpy as np
    from scipy.sparse import csr_matrix

    with h5py.File(path) as file:
        counts = csr_matrix(file["X"][:].astype(np.float32))
        clusters = file["Y"][:].astype(int)
        proteins = file["ADT_X"][:].astype(np.float32) if "ADT_X" in file else None
    return counts, clusters, proteins
