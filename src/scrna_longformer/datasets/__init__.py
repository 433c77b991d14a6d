"""Public data sets with their provenance, and simulations with known truth."""

from ._blood import pbmc3k, pbmc68k_reduced, pbmc_donor_a, sorted_pbmc
from ._catalogue import available, load
from ._hubs import simulate_hubs
from ._marrow import paul15
from ._mixology import sc_mixology
from ._ratios import simulate_ratios
from ._simulate import simulate_interactions
from ._stimulation import kang_labelled, kang_types
from ._unnamed import cbmc_citeseq, mouse_bladder, pbmc4k
from ._worm import worm_embryo, worm_l2

__all__ = [
    "available",
    "cbmc_citeseq",
    "kang_labelled",
    "kang_types",
    "load",
    "mouse_bladder",
    "paul15",
    "pbmc3k",
    "pbmc4k",
    "pbmc68k_reduced",
    "pbmc_donor_a",
    "sc_mixology",
    "simulate_hubs",
    "simulate_interactions",
    "simulate_ratios",
    "sorted_pbmc",
    "worm_embryo",
    "worm_l2",
]
