"""Where an answer stands in a text."""

import time

import pytest

from tasks.verify.answers.boxes import last_boxed
from tasks.verify.answers.extract import extract_answer, extract_gold


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $\boxed{72}$.", "72"),
        (r"\boxed{1}, no: \boxed{2}. I checked this twice and found nothing wrong with the second one: \boxed{3}", "3"),
        (r"\fbox{5}", "5"),
        (r"\boxed 5", "5"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"the parts are $\boxed{2}$ and $\boxed{3}$.", "2, 3"),
        (r"$\boxed{2}, \boxed{3}$", "2, 3"),
        (r"\[ \boxed{(2,2)} \quad \text{and} \quad \boxed{(6,2)} \]", "(2,2), (6,2)"),
        (r"\boxed{7} \boxed{7}", "7"),
        (r"The area is \boxed{4}. The final answer is $5$. I hope it is correct.", "5"),
        (r"The area is \boxed{4}. The final answer is obvious.", "4"),
        (r"\boxed{\boxed{9}}", "9"),
        (r"\boxed{} \boxed{8} \boxed{}", "8"),
        ("48/2 = <<48/2=24>>24\n#### 24", "24"),
        ("#### 1,000 dollars", "1,000 dollars"),
        ("The answer is 72 clips.", "72 clips"),
        ("Thus the answer is: $\\frac{1}{2}$.", r"\frac{1}{2}"),
        ("**Answer:** 15", "15"),
        ("**Final Answer:** The total is 15 marbles.", "15 marbles"),
        ("So the correct answer is (B) because it is larger.", "(B)"),
        ("Hence option D is correct.", "D"),
        ("... = 250\nAnswer D", "D"),
        ("... = 250\nD", "D"),
        ("答案是 5。", "5"),
        ("Therefore, Natalia sold 48+24 = 72 clips altogether.", "72 clips altogether"),
        ("We find that $x \\lt 3$.", "x \\lt 3"),
        ("I conclude that my answer is correct.\n# Answer\n\n-50", "-50"),
        ("That angle is -30 degrees.\n\n# Answer\n\n-$\\pi/6$", "-$\\pi/6$"),
        ("The number of ways is\n\n# Answer\n\n2 * 5! * 5!", "2 * 5! * 5!"),
        ("**Final Answer**\n\nThe total is 15 marbles.", "15 marbles"),
        ("Once $\\boxed{4}$.\n\n## Answer\n\n$5$", "$5$"),
        ("# Answer\n\nWe add. So it is $\\boxed{5}$.", "5"),
        ("<think>8? \\boxed{8}</think>\nIt is \\boxed{7}.", "7"),
        ("<answer>\\boxed{7}</answer>", "7"),
        ("12. [Final solution] Therefore, they need 9 boats.", "9"),
        ("The answer is not 5. The answer is 6.", "6"),
        ("3/4", "3/4"),
        ("x = 5 or x = -2", "x = 5 or x = -2"),
        ("Evelyn", "Evelyn"),
        (
            "The final answer is $(-\\infty, -3] \\cup [2, \\infty)$. I hope it is correct.",
            r"(-\infty, -3] \cup [2, \infty)",
        ),
    ],
)
def test_the_answer_is_found(text: str, answer: str) -> None:
    found = extract_answer(text)
    assert found is not None
    assert found.text.strip() == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        r"so \boxed{12",
        r"\boxed{5}, and then \boxed{1",
        r"\boxed{}",
        r"<think>It is \boxed{5}.</think>",
        r"<think>It is \boxed{5}.",
        "Step 3: time = distance / speed\nStep 4: print(time)",
        "so it is even, as required.\n\n\\[\n\\blacksquare\n\\]",
        "Hence $x = 14$ is not a solution.",
        "I do not know how to go on here.\nLet me see.",
        "Le total est donc la moitié",
        "该方程无解，因为判别式小于零。",
    ],
)
def test_no_answer_is_made_up(text: str) -> None:
    assert extract_answer(text) is None


def test_a_reference_may_be_an_answer_or_a_solution() -> None:
    for gold, answer in (
        ("72", "72"),
        ("#### 72", "72"),
        ("Natalia sold 24.\n#### 72", "72"),
        (r"The total is $\boxed{72}$.", "72"),
        ("12 and 13", "12 and 13"),
        (r"$f(x)=x$ and $f(x)=0$", r"$f(x)=x$ and $f(x)=0$"),
    ):
        found = extract_gold(gold)
        assert found is not None
        assert found.text == answer


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{" * 150_000,
        r"\boxed{" * 900 + "x" + "}" * 900,
        "the answer is " * 70_000,
        "$" * 1_000_000,
        "#### " * 200_000,
        r"\boxed{}" * 120_000,
        "# answer\n" * 110_000,
        "<think>" * 140_000,
        "<answer>" * 120_000,
        "total " * 160_000 + ": 5",
        "so 5 is not the " * 60_000,
    ],
    ids=[
        *(
            "open boxes",
            "nested boxes",
            "statements",
            "dollars",
            "marks",
            "empty boxes",
            "headings",
            "thoughts",
            "tags",
        ),
        *("a label", "denials"),
    ],
)
def test_a_megabyte_takes_no_time(text: str) -> None:
    began = time.process_time()
    extract_answer(text)
    extract_gold(text)
    last_boxed(text[-200_000:])
    assert time.process_time() - began < 5, "quadratic would be hours"
