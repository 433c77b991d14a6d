"""Sphinx configuration. The build needs no network: see ``docs/inventories``."""

from __future__ import annotations

import os
import sys
import warnings
from importlib.metadata import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

# -- project -----------------------------------------------------------------

_info = metadata("scrna-longformer")
project = "scrna-longformer"
author = _info["Author"]
copyright = f"2026, {author}"
version = release = _info["Version"]
repository_url = "https://github.com/scrna-longformer/scrna_longformer"

# -- how pages are made ------------------------------------------------------

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_autodoc_typehints",
    "scanpydoc.elegant_typehints",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    # ours, in docs/extensions
    "small_inventories",
    "tutorial_pages",
]
exclude_patterns = ["_build", "inventories", "**.ipynb_checkpoints", "Thumbs.db"]
templates_path = ["_templates"]
suppress_warnings: list[str] = []

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": False}
autodoc_type_aliases = {"Tensor": "torch.Tensor"}  # imported for type checkers only
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True  # fields of a dataclass are listed once, not as entries of their own
always_use_bars_union = True
# where classes are documented, against where they happen to be defined
qualname_overrides = {
    "scrna_longformer.evaluation._cell_classifier.CellClassifier": (
        "scrna_longformer.evaluation.CellClassifier"
    ),
    "scrna_longformer.features._checked.CellTransformer": (
        "scrna_longformer.features.CellTransformer"
    ),
    "scipy.sparse._base.sparray": "scipy.sparse.sparray",
    "scipy.sparse._csc.csc_array": "scipy.sparse.csc_array",
    "scipy.sparse._csc.csc_matrix": "scipy.sparse.csc_matrix",
    "scipy.sparse._csr.csr_array": "scipy.sparse.csr_array",
    "scipy.sparse._csr.csr_matrix": "scipy.sparse.csr_matrix",
    "scipy.sparse._matrix.spmatrix": "scipy.sparse.spmatrix",
    "torch.nn.modules.module.Module": "torch.nn.Module",
}
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # a notebook that no longer runs breaks the build
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_excludepatterns: list[str] = []  # long notebooks, committed with their outputs
nb_merge_streams = True
# of notebooks, which inherit it: the progress bars that need a widget are switched off in ours
os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")

# -- links -------------------------------------------------------------------

nitpicky = True
nitpick_ignore_regex: list[tuple[str, str]] = []
# names of annotations that have no page of their own
nitpick_ignore = [
    ("py:class", "LeftOut"),
    ("py:class", "Tensor"),
    ("py:class", "TypeAliasForwardRef"),
    ("py:class", "numpy.random._generator.Generator"),
    ("py:class", "scrna_longformer.evaluation._leave_out.LeftOut"),
    ("py:class", "scrna_longformer.features._depth.AffineMap"),
]

# Inventories of other projects: the few names that we link to, listed in docs/inventories/*.txt,
# so that the build works offline and a wrong name is still an error. The hosted build asks the
# projects themselves.
small_inventories_online = bool(os.environ.get("READTHEDOCS"))
intersphinx_timeout = 20

# -- looks -------------------------------------------------------------------

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_context: dict[str, object] = {}
html_theme_options = {
    "repository_url": repository_url,
    "use_repository_button": True,
    "path_to_docs": "docs/",
    "navigation_with_keys": False,
    "navbar_persistent": [],  # search is in the sidebar already
    "show_navbar_depth": 1,
}

# -- details -----------------------------------------------------------------

# sphinx-autodoc-typehints calls what Sphinx 10 will remove, once for each function
warnings.filterwarnings("ignore", message=r".*_RstSnippetParser\.set_application")


def skip_metadata_routing(_app, _what, name, _obj, skip, _options):
    """Leave out what scikit-learn adds to every estimator, ``set_fit_request`` and the like."""
    return True if name.startswith("set_") and name.endswith("_request") else skip


def setup(app):
    app.connect("autodoc-skip-member", skip_metadata_routing)
