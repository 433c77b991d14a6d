"""Conventions of the house, checked over everything that is exported."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import scrna_longformer as sl

SURFACE = ("pp", "tl", "pl", "get", "datasets", "io")
CORE = ("graph", "features", "attention", "nn", "dataloaders", "train", "evaluation")
SOURCE = Path(sl.__file__).parent
MODULES = sorted(
    ".".join(("scrna_longformer", *path.relative_to(SOURCE).with_suffix("").parts))
    for path in SOURCE.rglob("*.py")
)

# Names that other packages use for what has one name here.
OTHER_NAMES = {
    "seed": "random_state",
    "random_seed": "random_state",
    "rng": "random_state",
    "inplace": "copy",
    "label_key": "key",
    "labels_key": "key",
    "batch": "batch_key",
    "group": "group_key",
    "groups": "group_key",
    "device": "accelerator",
}


def public_functions() -> Iterator[tuple[str, Callable]]:
    for package in SURFACE:
        module = importlib.import_module(f"scrna_longformer.{package}")
        for name in getattr(module, "__all__", ()):
            if inspect.isfunction(function := getattr(module, name)):
                yield f"{package}.{name}", function


FUNCTIONS = dict(public_functions())
every_function = pytest.mark.parametrize("name", FUNCTIONS)


def signature(name: str) -> inspect.Signature:
    return inspect.signature(FUNCTIONS[name])


def section(function: Callable, title: str) -> str | None:
    """Return the text of a numpydoc section, or None where it is missing."""
    doc = inspect.getdoc(function) or ""
    found = re.search(
        rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-{{3,}}$|\Z)", doc, re.DOTALL | re.MULTILINE
    )
    return found and found[1]


def documented_parameters(function: Callable) -> list[str]:
    text = section(function, "Parameters") or ""
    lines = [line for line in text.splitlines() if line and not line[0].isspace()]
    return [name.strip(" *") for line in lines for name in line.split(" : ")[0].split(",")]


@pytest.mark.parametrize("module", MODULES)
def test_module_imports(module: str):
    importlib.import_module(module)


@pytest.mark.parametrize("package", SURFACE + CORE)
def test_all_lists_what_the_package_offers(package: str):
    module = importlib.import_module(f"scrna_longformer.{package}")
    assert module.__all__, f"{package} exports nothing"
    assert len(set(module.__all__)) == len(module.__all__)
    offered = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__.startswith(module.__name__)
    }
    assert offered <= set(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_root_offers_every_package():
    assert set(SURFACE + CORE) <= set(sl.__all__)
    assert dir(sl) == sorted(sl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'plot'"):
        sl.plot  # noqa: B018


@every_function
def test_at_most_three_positional_parameters(name: str):
    kinds = [p.kind for p in signature(name).parameters.values()]
    assert inspect.Parameter.VAR_POSITIONAL not in kinds
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 3


@every_function
def test_parameters_have_the_names_of_the_house(name: str):
    wrong = {p: OTHER_NAMES[p] for p in signature(name).parameters if p in OTHER_NAMES}
    assert not wrong, f"{name}: rename {wrong}"


@every_function
def test_parameters_and_result_have_types(name: str):
    sig = signature(name)
    assert sig.return_annotation is not inspect.Signature.empty
    untyped = [p.name for p in sig.parameters.values() if p.annotation is p.empty]
    assert not untyped


@every_function
def test_shared_parameters_have_the_defaults_of_the_house(name: str):
    sig = signature(name)
    house = {"random_state": 0, "copy": False, "layer": None, "group_key": None, "batch_key": None}
    for parameter, default in house.items():
        if parameter in sig.parameters:
            assert sig.parameters[parameter].default == default
            assert sig.parameters[parameter].kind is inspect.Parameter.KEYWORD_ONLY
    if "copy" in sig.parameters:
        assert sig.return_annotation == "AnnData | None"


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n.startswith("pl.")])
def test_plots_take_and_return_axes_as_scanpy_does(name: str):
    sig = signature(name)
    assert {"ax", "show", "save"} <= set(sig.parameters)
    assert "Axes" in str(sig.return_annotation)


@every_function
def test_docstring_documents_each_parameter_in_order(name: str):
    assert documented_parameters(FUNCTIONS[name]) == list(signature(name).parameters)


@every_function
def test_docstring_says_what_comes_back(name: str):
    writes_slots = "copy" in signature(name).parameters
    if writes_slots or signature(name).return_annotation != "None":
        assert section(FUNCTIONS[name], "Returns")


# An example of a call that needs the network could not be run as a test.
RUNNABLE = [
    name
    for name in FUNCTIONS
    if not name.startswith("datasets.")
    or name == "datasets.pbmc68k_reduced"
    or name.startswith("datasets.simulate_")
]


@pytest.mark.parametrize("name", RUNNABLE)
def test_docstring_has_an_example(name: str):
    assert ">>>" in (section(FUNCTIONS[name], "Examples") or "")


def test_the_checks_of_docstrings_can_fail():
    def example(adata, *, n: int):
        """Do something.

        Parameters
        ----------
        adata
            Cells.
        """

    assert documented_parameters(example) == ["adata"]
    assert section(example, "Examples") is None
