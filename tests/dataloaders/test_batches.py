from __future__ import annotations

import numpy as np

from scrna_longformer.dataloaders import BatchSchedule


def test_every_pass_visits_every_cell_once_in_a_new_order() -> None:
    index = np.arange(100, 160)
    schedule = BatchSchedule(index, batch_size=20, random_state=0)
    passes = [np.concatenate([schedule[3 * p + i] for i in range(3)]) for p in range(2)]
    for one in passes:
        assert np.array_equal(np.sort(one), index)
    assert not np.array_equal(*passes)


def test_a_step_knows_its_batch_without_the_steps_before_it() -> None:
    index = np.arange(50)
    walked = BatchSchedule(index, batch_size=8, random_state=3)
    batches = [walked[step] for step in range(40)]
    for step in (39, 0, 17):
        fresh = BatchSchedule(index, batch_size=8, random_state=3)
        assert np.array_equal(fresh[step], batches[step])


def test_small_sets_make_small_batches() -> None:
    assert len(BatchSchedule(np.arange(5), batch_size=64, random_state=0)[7]) == 5
