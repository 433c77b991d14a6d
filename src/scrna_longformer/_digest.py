"""Short fingerprints of names and arrays, to notice when two things no longer belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np


def digest_names(names: Iterable[str]) -> str:
    """Fingerprint of an ordered list of names (16 hexadecimal digits of SHA-256).

    Examples
    --------
    >>> digest_names(["CD3D", "MS4A1"]) == digest_names(["MS4A1", "CD3D"])
    False
    """
    # the length prefix keeps ["ab", "c"] and ["a", "bc"] apart
    hashed = hashlib.sha256()
    for name in names:
        encoded = str(name).encode()
        hashed.update(f"{len(encoded)}:".encode() + encoded)
    return hashed.hexdigest()[:16]


def digest_array(array: np.ndarray) -> str:
    """Fingerprint of an array's dtype, shape and values (16 hexadecimal digits of SHA-256)."""
    array = np.ascontiguousarray(array)
    hashed = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    hashed.update(array.data)
    return hashed.hexdigest()[:16]
