"""What to conclude from the tables of a comparison: which model, how sure, at what cost."""

from __future__ import annotations

from ._decide import Decision, decide
from ._ranking import ranking_table
from ._transformers import transformer_table
from ._words import headline, sentences

__all__ = ["Decision", "decide", "headline", "ranking_table", "sentences", "transformer_table"]
