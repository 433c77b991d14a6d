"""What a contestant is, as text: the same for the same contestant in another process."""

from __future__ import annotations

import inspect
import re
from functools import partial
from types import CellType
from typing import Any

import numpy as np

from .._digest import digest_array, digest_names
from ._build import build

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def describe(model: Any) -> Any:
    """Describe a contestant by class, source and parameters, in values that JSON can hold.

    Functions that make estimators are described by what they make. Two descriptions are equal only
    if the contestants are. A function is told by its source, its defaults and the variables around
    it, but not by what it looks up in its module; another parameter that cannot be told by its
    value (an open file) by its class and source.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> describe(GaussianNB(var_smoothing=0.1)) == describe(GaussianNB())
    False
    """
    return _value(build(model, 0))


def _value(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return repr(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return ["array", digest_array(value)]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *(_value(item) for item in value)]
    if hasattr(value, "items"):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, partial):
        return ["partial", _value(value.func), _value(value.args), _value(value.keywords)]
    if inspect.isroutine(value) or inspect.isclass(value):
        name = f"{value.__module__}.{value.__qualname__}"
        return [name, _source(value), *_kept_by(value)]
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "get_params"):
        own = value.get_params(deep=False)
        return [name, _source(type(value)), {key: _value(own[key]) for key in sorted(own)}]
    return [name, _source(type(value)), _ADDRESS.sub("", repr(value))]


def _kept_by(function: Any) -> list[Any]:
    """What a function holds beside its source: its defaults, and the variables around it."""
    if not inspect.isfunction(function):
        return []
    around = [cell.cell_contents for cell in function.__closure__ or () if cell != CellType()]
    return [
        _value(function.__defaults__),
        _value(function.__kwdefaults__),
        # without what these hold in turn: a function may call itself
        *(_source(v) if inspect.isfunction(v) else _value(v) for v in around),
    ]


def _source(thing: Any) -> str:
    """Fingerprint of the source, where Python knows it: a class in a notebook may have changed."""
    try:
        return digest_names([inspect.getsource(thing)])
    except (OSError, TypeError):
        return "unknown"
