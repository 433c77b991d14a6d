"""What a contestant is, as text: the same for the same contestant in another process."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np

from .._digest import digest_array, digest_names
from ._build import build

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def describe(model: Any) -> Any:
    """Describe a contestant by class, source and parameters, in values that JSON can hold.

    Functions that make estimators are described by what they make. Two descriptions are equal only
    if the contestants are; a parameter that cannot be told by its value (an open file, a lambda) is
    told by its class and source.

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
    if inspect.isroutine(value) or inspect.isclass(value):
        return [f"{value.__module__}.{value.__qualname__}", _source(value)]
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "get_params"):
        own = value.get_params(deep=False)
        return [name, _source(type(value)), {key: _value(own[key]) for key in sorted(own)}]
    return [name, _source(type(value)), _ADDRESS.sub("", repr(value))]


def _source(thing: Any) -> str:
    """Fingerprint of the source, where Python knows it: a class in a notebook may have changed."""
    try:
        return digest_names([inspect.getsource(thing)])
    except (OSError, TypeError):
        return "unknown"
