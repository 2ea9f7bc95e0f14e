"""The step log can be cut back to a checkpoint's step, whatever state a kill left it in."""

from tasks.train_agent.step_log import StepLog


def test_rows_of_later_steps_and_half_written_lines_are_dropped(tmp_path):
    log = StepLog(tmp_path / "steps.jsonl")
    log.append([{"step": 1, "nll": 0.5}, {"step": 2, "nll": 0.4}])
    log.append([{"step": 3, "nll": None}])
    with log.path.open("a") as file:
        file.write('{"step": 4, "nl')
    log.cut_after(2)
    assert log.rows() == [{"step": 1, "nll": 0.5}, {"step": 2, "nll": 0.4}]
    log.append([{"step": 3, "nll": 0.3}])
    assert [row["step"] for row in log.rows()] == [1, 2, 3]


def test_a_log_that_is_not_there_is_empty(tmp_path):
    log = StepLog(tmp_path / "steps.jsonl")
    log.cut_after(0)
    assert log.rows() == []
