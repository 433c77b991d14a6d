"""What a ranking does not show, in a few words for each limit that was found."""

from __future__ import annotations

import re

import pandas as pd

from ._numbers import clause

CIRCULAR = "circular"
HELD_OUT = "confounding, held out"
# the gravest first
_NOT_SHOWN = {
    "confounding": "that a model tells classes rather than {key}",
    "depth_labels": "that a model knows the biology of the classes, because counting molecules goes "
    "most of the way",
    "preprocessing": "what new cells would get, because the test cells took part in making the input",
    HELD_OUT: "that a model tells classes rather than what else differs between the groups of {key} of one "
    "class and those of another",
    "small_classes": "how well the smallest classes are told, because those scores rest on a few cells",
    "overfitting": "what {model} would do with less freedom",
    "underfitting": "what {model} would do with more training",
}


def what_it_does_not_show(faults: pd.DataFrame, model: str, group_key: str = "") -> str:
    """Say it in one clause; empty if there are no limits.

    Parameters
    ----------
    faults
        Checks that fired.
    model
        Contestant that is recommended: limits of others are not the ranking's.
    group_key
        Column whose groups were held out whole; empty if none were.
    """
    limits = faults[faults["severity"] == "limits"] if len(faults) else faults
    if len(limits) == 0:
        return ""
    limits = limits[limits["subject"].astype(str).isin(["", model])]
    circular, not_shown, others = [], [], []
    for row in limits.astype(str).to_dict("records"):
        name = row["check"]
        if name == CIRCULAR:
            circular.append(clause(row["why"]))
        elif name in _NOT_SHOWN:
            key = re.search("'[^']*'", row["what"])
            if name == "confounding" and group_key and key and key[0] == repr(group_key):
                name = HELD_OUT  # no group of it was trained and tested on
            words = _NOT_SHOWN[name].format(key=key[0] if key else "its batch", model=model)
            not_shown.append((list(_NOT_SHOWN).index(name), words))
        else:
            others.append(clause(row["why"]))
    ordered = [words for _, words in sorted(not_shown)]
    parts = [*circular, *others]
    if ordered:
        parts.append("the ranking does not show " + ", nor ".join(ordered))
    text = "; ".join(dict.fromkeys(parts))
    return f"{text[:1].upper()}{text[1:]}"
