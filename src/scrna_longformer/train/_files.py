"""Model files: a folder with weights (safetensors) and everything else (JSON). Never a pickle."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ._fitted import FORMAT_VERSION, FittedLongformer

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
_OWN = "description_sha256"


def save_folder(fitted: FittedLongformer, folder: Path) -> int:
    """Write a model into `folder` (made if missing) and return its size in bytes.

    Raises
    ------
    ValueError
        If `folder`, or a folder above it, is a file.
    """
    _make(folder)
    weights = save({name: np.ascontiguousarray(a) for name, a in fitted.to_arrays().items()})
    text = {
        "format_version": FORMAT_VERSION,
        "config": json.loads(fitted.model.config.to_json()),
        "expression": fitted.expression,
        "classes": fitted.classes.tolist(),
        "genes": fitted.genes.tolist(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    description = json.dumps({**text, _OWN: _digest(text)}, indent=1)
    contents = {WEIGHTS: weights, DESCRIPTION: description.encode()}
    _replace(folder, contents)
    return sum(map(len, contents.values()))


def load_folder(folder: Path) -> FittedLongformer:
    """Read a model written by :func:`save_folder`.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its two files is missing.
    ValueError
        If a file is truncated, was changed, or is no model of ours.
    """
    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            msg = (
                f"{str(folder)!r} is not a saved model: it has no {name}. A model is a folder "
                f"with {DESCRIPTION} and {WEIGHTS}, written by sl.io.save_model(adata, path)."
            )
            raise FileNotFoundError(msg)
    weights = (folder / WEIGHTS).read_bytes()
    try:
        text = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if not isinstance(text, dict):
            msg = f"{DESCRIPTION} in {str(folder)!r} is no JSON object, so it describes no model."
            raise ValueError(msg)
        own = text.pop(_OWN, None)
        expected = text["weights_sha256"]
        if hashlib.sha256(weights).hexdigest() != expected:
            msg = (
                f"{WEIGHTS} in {str(folder)!r} is truncated or was changed: its checksum is not "
                "the one noted when it was saved. Copy or save the model again."
            )
            raise ValueError(msg)
        fitted = FittedLongformer.from_arrays(
            json.dumps(text["config"]),
            load(weights),
            genes=np.asarray(text["genes"], dtype=str),
            classes=np.asarray(text["classes"]),
            expression=text["expression"],
            format_version=text["format_version"],
        )
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, SafetensorError) as error:
        msg = (
            f"The model in {str(folder)!r} cannot be read ({type(error).__name__}: {error}). "
            "Copy or save it again with sl.io.save_model(adata, path)."
        )
        raise ValueError(msg) from error
    # last: what is wrong with a description is better told than that something is
    if own is not None and own != _digest(text):
        msg = (
            f"{DESCRIPTION} in {str(folder)!r} was changed: its checksum is not the one noted when it was "
            "saved. Copy or save the model again."
        )
        raise ValueError(msg)
    return fitted


def _digest(text: dict[str, Any]) -> str:
    """Fingerprint of what a description says, however it is laid out."""
    return hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()


def _make(folder: Path) -> None:
    """Make a folder, or say which file is in its place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        above = (p for p in (folder, *folder.parents) if p.exists() and not p.is_dir())
        taken = next(above, folder)  # a link to nowhere does not exist, and is in the way
        msg = (
            f"`path`={str(folder)!r} cannot be a folder: {str(taken)!r} is a file. A model is a folder "
            f"with {WEIGHTS} and {DESCRIPTION}; choose another name for it, or remove the file."
        )
        raise ValueError(msg) from error


def _replace(folder: Path, contents: dict[str, bytes]) -> None:
    """Write files under other names first: until all are on disk, an earlier model stays whole.

    A kill between the last renames leaves a pair that does not belong together, and loading says so.
    """
    unfinished = {name: folder / f"{name}.{os.getpid()}.tmp" for name in contents}
    try:
        for name, content in contents.items():
            with unfinished[name].open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name, path in unfinished.items():
            path.replace(folder / name)
    finally:
        for path in unfinished.values():
            path.unlink(missing_ok=True)
