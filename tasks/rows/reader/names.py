"""The usual names of a row's fields, in the order in which they are tried; case, spaces and underscores do not count.

In:  {"Problem": "…", "Short Answer": "7", "generated_solution": "…"}
Out: question from "Problem", answer from "Short Answer", solution from "generated_solution"
"""

QUESTION = ("question", "problem", "instruction", "prompt", "query", "input")
SOLUTION = (
    *("solution", "target", "generated_solution", "output", "response", "completion", "chosen"),
    *("rationale", "chain_of_thought", "reasoning", "explanation"),
)
ANSWER = (
    *("answer", "expected_answer", "final_answer", "reference_answer", "short_answer", "correct_answer"),
    *("ground_truth", "gold", "correct"),
)
SOURCE = ("source", "problem_source", "data_source")
TURNS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns")
# What belongs to the question beside its own field: dropped, another question would be asked.
BEFORE = ("system", "system_prompt", "instruction", "history")
BEHIND = ("input", "context", "passage", "options", "choices")
ID = ("id",)

EVERY = frozenset((*QUESTION, *SOLUTION, *ANSWER, *SOURCE, *TURNS, *BEFORE, *BEHIND, *ID))


def plain_name(name: str) -> str:
    """A field's name for comparison: "Short Answer" is "short_answer"."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")
