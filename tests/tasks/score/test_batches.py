"""The plan of forward passes holds every target once, in few shapes, within the budget."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.score.batches import Question, plan

lengths = st.integers(0, 300)
questions = st.lists(
    st.builds(
        lambda prompt, targets: Question([1] * prompt, [[2] * n for n in targets]),
        st.integers(1, 300),
        st.lists(lengths, max_size=12),
    ),
    max_size=20,
)


@given(questions, st.integers(64, 4096), st.sampled_from([1, 16, 64]))
def test_every_target_is_in_one_batch_after_its_own_prefix(questions, tokens, bucket):
    seen = []
    for batch in plan(questions, tokens, bucket):
        for targets in batch.targets:
            assert {question for question, _ in targets.items} <= set(batch.questions)
            seen += targets.items
    wanted = [(i, k) for i, q in enumerate(questions) for k, target in enumerate(q.targets) if target]
    assert sorted(seen) == wanted


@given(questions, st.integers(64, 4096), st.sampled_from([1, 16, 64]))
def test_a_batch_of_more_than_one_row_stays_within_the_budget(questions, tokens, bucket):
    for batch in plan(questions, tokens, bucket):
        assert batch.rows == 1 or batch.rows * batch.length <= tokens
        assert all(len(questions[i].prompt) <= batch.length for i in batch.questions)
        for targets in batch.targets:
            assert targets.rows == 1 or targets.rows * (batch.length + targets.length) <= tokens
            assert len(targets.items) <= targets.rows
            assert all(len(questions[i].targets[k]) <= targets.length for i, k in targets.items)


def test_many_questions_need_few_shapes():
    many = [Question([1] * (20 + i % 30), [[2] * (10 + (i * k) % 40) for k in range(10)]) for i in range(200)]
    shapes = set()
    for batch in plan(many, 4096, 16):
        shapes.add((batch.rows, batch.length))
        shapes |= {(t.rows, t.length, batch.length) for t in batch.targets}
    assert len(shapes) < 40
