"""Say so when a model did not learn."""

from __future__ import annotations

import numpy as np

from ._config import TrainConfig
from ._runner import FitResult
from ._stopping import OFF_PLATEAU

# A loss this close to that of the class prior means that the input was hardly used.
PRIOR_SHARE = 0.9
# A loss on training cells this far above it is none that training led down to.
FAR_ABOVE = 1.2
# Fewer updates than this left the model on its initial plateau wherever it was measured.
FEWEST_STEPS = 300


def diagnose(result: FitResult, config: TrainConfig, n_classes: int) -> list[str]:
    """Return a sentence for everything that went wrong in training, each with what to change."""
    if result.stopped_by == "divergence":
        # it ends the run early and far from any plateau: more updates are no remedy
        return [
            f"training diverged before update {result.n_steps}; the weights of update "
            f"{result.best_step} were kept. Lower learning_rate (train_options) and look for extreme "
            "values with sl.pp.check."
        ]
    losses = result.history["train_loss"]
    # a falling learning rate brings it back down, though not to where it began
    reached = float(losses[-1] if result.best_step else np.nanmax(losses))
    if reached > FAR_ABOVE * result.prior_loss:
        return [
            "training led away from where it began: on the cells that it was trained on the loss reached "
            f"{reached:.3f}, where knowing nothing costs {result.prior_loss:.3f}; the weights of update "
            f"{result.best_step} were kept. Lower learning_rate (train_options) and look for extreme "
            "values with sl.pp.check."
        ]
    found = []
    best = float(np.nanmin([result.initial_loss, *result.history["stopping_loss"]]))
    # of a correction a loss says nothing: that of the simple model may be all there is
    learned, prior = best, result.prior_loss
    if np.isfinite(result.head_loss):
        learned, prior = result.head_loss, float(np.log(n_classes))
    if learned > PRIOR_SHARE * prior:
        found.append(
            f"the model hardly learned: its best loss is {learned:.3f}, and always predicting the "
            f"class prior costs {prior:.3f}. {_where_it_ended(result)} Check that the "
            "genes carry signal (sl.pp.check, sl.tl.baseline_compare) and that labels and rows belong "
            "together."
        )
    has_learned = result.stopped_by == "patience" and best < OFF_PLATEAU * result.prior_loss
    if result.n_steps < FEWEST_STEPS and not has_learned:
        limit = "patience" if result.stopped_by == "patience" else "max_steps"
        found.append(
            f"training made {result.n_steps} updates ({result.stopped_by}), fewer than the "
            f"{FEWEST_STEPS} below which such models were never seen to learn. Raise {limit}"
            f"{' or time_limit' if config.time_limit else ''}."
        )
    return found


def _where_it_ended(result: FitResult) -> str:
    """Tell a model that fitted nothing yet from one that fitted what other cells do not share."""
    lowest = float(np.nanmin(result.history["train_loss"], initial=np.inf))
    if lowest > PRIOR_SHARE * result.prior_loss:
        return (
            f"It did not leave its initial plateau in {result.n_steps} updates: on the cells that it "
            f"was trained on the loss is {lowest:.3f} at best. Where types differ in how genes go "
            "together this takes longer: try more updates (max_steps)."
        )
    return (
        f"On the cells that it was trained on the loss fell to {lowest:.3f}: what it learned does not "
        "hold for others. More updates will not help; more labelled cells or other genes (n_tokens) "
        "may."
    )
