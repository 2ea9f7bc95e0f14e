"""The criteria by which nano's world and training were chosen: of the base alone, before any method is run.

`.envs/inference/bin/python -m infra.nano.measure [MODEL]` prints a row a figure: value, 95 % interval, bounds:
    downstream accuracy, both benchmarks      0.512  [0.472, 0.552]  0.40 to 0.60   yes
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infra.nano.kinds import SEEN, Problem
from infra.nano.recipe import HERE, NanoConfig
from infra.nano.styles import OWN
from infra.nano.world import World
from tasks.rows.prompts import general_prompt, question_prompt, rewriting_prompt

_EQUALITY = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
_BOXED = re.compile(r"\$\\boxed\{([^}]*)\}\$")
_OPENINGS: dict[str, str | tuple[str, ...]] = {
    "plain": "First,", "numbered": "Step 1:", "chatty": "Okay,", "terse": "It is", "templated": "Let us",
    "near copy": ("Let the", "Consider", "It suffices"), "careless": "It is easy",
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One measured figure; `within` is the criterion, None where it is only told."""

    name: str
    value: float
    low: float
    high: float
    within: tuple[float, float] | None = None

    def line(self) -> str:
        bounds = f"{self.within[0]:.2f} to {self.within[1]:.2f}" if self.within else ""
        kept = "" if not self.within else "yes" if self.within[0] <= self.value <= self.within[1] else "NO"
        return f"{self.name:58} {self.value:8.3f}  [{self.low:.3f}, {self.high:.3f}]  {bounds:14} {kept}"


def wilson(name: str, hits: Sequence[bool], within: tuple[float, float] | None = None) -> Figure:
    """A share with Wilson's 95 % interval."""
    n, p, z = len(hits), float(np.mean(hits)), 1.96
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Figure(name, p, centre - half, centre + half, within)


def average(name: str, values: np.ndarray, within: tuple[float, float] | None = None) -> Figure:
    """A mean with its normal 95 % interval."""
    mean, half = float(values.mean()), 1.96 * float(values.std()) / np.sqrt(len(values))
    return Figure(name, mean, mean - half, mean + half, within)


def last_boxed(text: str | None) -> str | None:
    """The content of the last boxed answer; None where there is none or the text is unfinished."""
    found = _BOXED.findall(text or "")
    return found[-1] if found else None


def passes(text: str | None, answer: int) -> bool:
    """The gate in small: finished, answer right, a step stated, every stated equality true."""
    steps = _EQUALITY.findall(text or "")
    return last_boxed(text) == str(answer) and bool(steps) and all(_holds(*step) for step in steps)


def _holds(a: str, op: str, b: str, c: str) -> bool:
    x, y, z = int(a), int(b), int(c)
    return {"+": x + y == z, "-": x - y == z, "*": x * y == z, "/": y != 0 and x == z * y}[op]


def style_of(text: str | None) -> str:
    """The style of a solution, by its opening words."""
    names = [name for name, opening in _OPENINGS.items() if (text or "").startswith(opening)]
    return names[-1] if names else "other"  # "It is easy" after "It is"


def measure(model_dir: Path, config: NanoConfig, rows: int = 300) -> list[Figure]:
    """All figures of a base in its world; `rows` corpus problems are rewritten and scored."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from infra.nano.sampling import generate, mean_nll

    torch.set_num_threads(2)
    world = World(config)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).eval()

    figures: list[Figure] = []
    downstream: list[bool] = []
    general: list[bool] = []
    for name, benchmark in world.benchmarks.items():
        prompts = [_prompt(row) for row in benchmark]
        answers = generate(model, tokenizer, prompts)
        hits = [last_boxed(text) == row["answer"] for text, row in zip(answers, benchmark, strict=True)]
        (general if "options" in benchmark[0] else downstream).extend(hits)
        figures.append(wilson(f"accuracy {name}", hits))
        if "options" not in benchmark[0]:
            problems = [row["question"] for row in benchmark]
            samples = generate(model, tokenizer, [question_prompt(q) for q in problems], temperature=1.0)
            styles = Counter(style_of(text) for text in samples)
            print(f"# styles of samples on {name}: {dict(styles.most_common())}")
            own = sum(styles[style] >= 0.05 * len(problems) for style in OWN)
            figures.append(Figure(f"own styles with 5 % of the samples or more, {name}", own, own, own, (3, 99)))
    figures.append(wilson("accuracy downstream, both benchmarks", downstream, (0.4, 0.6)))
    figures.append(wilson("accuracy general, all benchmarks", general, (0.8, 1.0)))

    experts = world.experts("numinamath_cot")[:rows]
    questions = [question_prompt(problem.question) for problem, _ in experts]
    rewriting = [rewriting_prompt(problem.question, solution) for problem, solution in experts]
    seen = {kind.__name__.removeprefix("_") for kind in SEEN}
    known = np.array([problem.kind in seen for problem, _ in experts])
    lengths = {}
    for label, temperature in (("greedy", 0.0), ("temperature 1", 1.0)):
        rewrites = generate(model, tokenizer, rewriting, temperature)
        gate = np.array([passes(text, problem.answer) for text, (problem, _) in zip(rewrites, experts, strict=True)])
        print(f"# styles of rewrites, {label}: {dict(Counter(map(style_of, rewrites)).most_common())}")
        for style in sorted(set(map(style_of, rewrites))):
            at = np.array([style_of(text) == style for text in rewrites])
            print(f"#   {style:10} passes {gate[at].mean():.2f} of {at.sum()}")
        figures.append(wilson(f"rewrites pass, {label}", list(gate), (0.4, 0.8)))
        figures.append(wilson(f"rewrites pass, {label}, seen kinds", list(gate[known])))
        figures.append(wilson(f"rewrites pass, {label}, new kinds", list(gate[~known])))
        finished = [i for i, text in enumerate(rewrites) if text]
        nll = mean_nll(model, tokenizer, [questions[i] for i in finished], [rewrites[i] or "" for i in finished])
        figures.append(average(f"NLL per token of rewrites, {label}", nll))
        figures.append(average(f"NLL per token of passing rewrites, {label}", nll[gate[finished]]))
        lengths[label] = float(np.median([len(tokenizer.encode(rewrites[i] or "")) for i in finished]))
        if label == "greedy":
            for i in range(4):
                print(f"#   {experts[i][0].question}\n#   {experts[i][1]!r}\n#   -> {rewrites[i]!r}")
    figures.append(average("NLL per token of own style", mean_nll(model, tokenizer, questions, _own(experts))))
    expert_nll = mean_nll(model, tokenizer, questions, [solution for _, solution in experts])
    figures.append(average("NLL per token of expert solutions", expert_nll))
    lengths["expert"] = float(np.median([len(tokenizer.encode(solution)) for _, solution in experts]))
    for label in ("greedy", "temperature 1"):
        ratio = lengths[label] / lengths["expert"]
        figures.append(Figure(f"median length of rewrites over expert's, {label}", ratio, ratio, ratio, (0.5, 2.0)))
    median = lengths["expert"]
    figures.append(Figure("median length of expert solutions, tokens", median, median, median))
    return figures


def _prompt(row: dict) -> str:
    if "options" not in row:
        return question_prompt(row["question"])
    lines = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", row["options"], strict=True))
    return general_prompt(row["question"], lines)


def _own(experts: list[tuple[Problem, str]]) -> list[str]:
    styles = [OWN[name] for name in sorted(OWN)]
    return [styles[i % len(styles)](problem) for i, (problem, _) in enumerate(experts)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", default=HERE / "model", help="a transformers directory")
    parser.add_argument("--seed", type=int, default=NanoConfig().seed, help="seed of the model's world")
    parser.add_argument("--rows", type=int, default=300, help="corpus problems that are rewritten and scored")
    arguments = parser.parse_args()
    for figure in measure(arguments.model, NanoConfig(seed=arguments.seed), arguments.rows):
        print(figure.line())


if __name__ == "__main__":
    main()
