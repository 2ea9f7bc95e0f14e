"""A report of made-up figures: every number here is drawn from a seed and stands for no experiment."""

import numpy as np
import pytest

from tasks.report.computed.calibration import Choice, calibration
from tasks.report.computed.drift import drifts
from tasks.report.computed.forgetting import Trained, forgetting
from tasks.report.computed.pass_at_k import passes
from tasks.report.computed.summary import average, averages, comparisons, table_1
from tasks.report.computed.transitions import transitions
from tasks.report.reading.answers import Answer
from tasks.report.reading.artifacts import Sampled
from tasks.report.schema.compared_data import Summary
from tasks.report.schema.data import Backbone, ReportData
from tasks.report.schema.lineage_data import Edge, Graph, Node
from tasks.report.schema.row_data import Example, Histogram, Quarantine, Version
from tasks.report.schema.run_data import Artifact, GrpoStep, LossPoint, Run, Score, StageCost, TargetNLL, Targets
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import draw, mean_over_rows, proportion

BENCHMARKS = {"math": ["word_problems", "word_problems_hard"], "general": ["facts", "opposites", "lists"]}
ROWS = {"word_problems": 200, "word_problems_hard": 120, "facts": 150, "opposites": 100, "lists": 150}
SKILL = {  # made-up accuracies: (downstream, general)
    "base": (0.48, 0.88),
    "sft": (0.60, 0.66),
    "sdft": (0.53, 0.76),
    "mind_the_gap": (0.52, 0.79),
    "dft": (0.55, 0.80),
    "rewriting_agent": (0.585, 0.85),
}
NLL = {"sft": 1.42, "sdft": 0.86, "mind_the_gap": 0.66, "dft": 1.42, "rewriting_agent": 0.51}
YIELD = {"sdft": 0.58, "mind_the_gap": 0.59, "rewriting_agent": 0.79}
QUESTION = (
    "What is the greatest 3-digit base 8 positive integer that is divisible by 7? (Express your answer in base 8.)"
)


def synthetic_report(methods=tuple(SKILL), seeds=3, resamples=400, nano=True) -> ReportData:
    """A report with every part filled, from numpy's generator with a fixed seed."""
    random = np.random.default_rng(20)
    hardness = {name: random.random(n) for name, n in ROWS.items()}
    correct = {}
    for method in methods:
        correct[method] = {}
        for name, n in ROWS.items():
            skill = SKILL[method][0 if name in BENCHMARKS["math"] else 1]
            noise = random.normal(0, 0.18, (1 if method == "base" else seeds, n))
            correct[method][name] = (hardness[name] + noise < skill).astype(float)
    drawn = draw(correct, resamples)
    runs = [_run(random, method, seed, correct) for method in methods if method != "base" for seed in range(seeds)]
    answered, subjects = transitions(_answers(random, correct), BENCHMARKS, 0.95, resamples)
    base = Run(method="base", scores=_scores(correct["base"], 0), averages=averages(drawn, "base", BENCHMARKS, 0.95))
    base.stages = [StageCost(stage="evaluate", key="e" * 32, seconds=31.5, core_seconds=63.0)]
    return ReportData(
        backbone=Backbone(name="nano" if nano else "synthetic-1B", digest="ab" * 32, nano=nano, parameters=3_412_992),
        flow_run="made-up-figures",
        benchmarks=BENCHMARKS,
        resamples=resamples,
        base=base,
        runs=runs,
        summaries=[_summary(random, drawn, method, seeds) for method in methods],
        comparisons=comparisons(drawn, correct, table_1(BENCHMARKS), 0.95),
        forgetting=_forgetting(correct, runs),
        drift=_drift(random, methods, seeds),
        answered=answered,
        subjects=subjects,
        calibration=calibration(_letters(correct), 0.95, resamples),
        pass_at_k=passes(_samples(correct), BENCHMARKS, 0.95, resamples),
        histograms=_histograms(random) if "rewriting_agent" in methods else [],
        examples=_examples(),
        quarantined=[
            Quarantine(stage="sample", key="5a" * 16, rows=14, of=1000, reasons={"no answer": 9, "longer than 512": 5})
        ],
        lineage=_lineage(methods, seeds),
        config={"backbone": "nano", "methods": list(methods), "sft": {"epochs": 2, "learning_rate": 7e-06}},
        versions={"python": "3.11.2", "prefect": "3.8.8", "torch": "2.13.0+cpu"},
        reproduce=["make run", "rewriting-agent report"],
        notes=["These figures are made up to test the page; they stand for no experiment."],
    )


def _answers(random, correct):
    """DFT's answers lose their box: half of them on the general benchmarks."""
    made = {}
    for method, by_name in correct.items():
        made[method] = [{} for _ in next(iter(by_name.values()))]
        for name, matrix in by_name.items():
            lose = 0.5 if method == "dft" and name in BENCHMARKS["general"] else 0.02
            for seed, marks in enumerate(matrix):
                forms = random.choice(["no box", "well-formed"], len(marks), p=[lose, 1 - lose])
                tokens = random.poisson(20 if method == "base" else 32, len(marks))
                made[method][seed][name] = {
                    f"{name}/{at}": Answer(
                        bool(mark), str(forms[at]), int(tokens[at]), f"subject {at % 4}", None, None, ""
                    )
                    for at, mark in enumerate(marks)
                }
    return made


def _letters(correct):
    """Of four letters the one that is said has a surety of its own; the base's are surest, and SFT's too sure."""
    sure = {"base": 2.0, "sft": 4.0}
    return {
        method: [
            {
                "facts": {
                    f"{at}": Choice((sure.get(method, 1.0) + at / 100, 0.0, at / 200, 0.0), 0 if mark else 2)
                    for at, mark in enumerate(marks)
                }
            }
            for marks in by_name["facts"]
        ]
        for method, by_name in correct.items()
    }


def _samples(correct):
    """Of eight samples a question the base has some right everywhere, the others all or none."""
    return {
        method: [
            {
                name: Sampled(0.8, {f"{at}": (8, (2 + 3 * int(mark)) if method == "base" else 8 * int(mark))
                                    for at, mark in enumerate(by_name[name][seed])})
                for name in (*BENCHMARKS["math"], "facts")
            }
            for seed in range(len(by_name["facts"]))
        ]
        for method, by_name in correct.items()
    }  # fmt: skip


def _drift(random, methods, seeds):
    runs = {}
    for method in methods:
        if method != "base":
            runs[method] = [_texts(random, NLL[method]) for _ in range(seeds)]
    return drifts(runs, BENCHMARKS["general"], 0.95, 200)


def _texts(random, level):
    rows = []
    for name in ["general text: code", *(f"own answers: {name}" for names in BENCHMARKS.values() for name in names)]:
        for n in range(20):
            figures = {"nll_base": 2 + n / 20, "nll": 2 + n / 20 + level / 10, "kl": level / 5, "kl_reverse": level / 4}
            rows.append({"id": f"t{n}", "thermometer": name, "tokens": 9, "agreement": 1 - level / 20, **figures})
    return rows


def _scores(matrices, seed):
    scores = {}
    for name, matrix in matrices.items():
        hits, n = int(matrix[seed].sum()), matrix.shape[1]
        found = proportion(hits, n)
        undecided = 2 if name == "word_problems_hard" else 0
        scores[name] = Score(
            accuracy=found.rate,
            n=n,
            correct=hits,
            low=found.low,
            high=found.high,
            undecided=undecided,
            truncated=hits % 4,
        )
    return scores


def _run(random, method, seed, correct):
    steps = np.arange(1, 121)
    level = NLL[method]
    curve = 0.45 * level + 0.5 * level * np.exp(-steps / 25) + random.normal(0, 0.04 * level, len(steps))
    rows = random.normal(level, 0.2, 400)
    share = YIELD.get(method, 0.0)
    rewrites = round(400 * share)
    kinds = {"rewrite": rewrites, "expert": 400 - rewrites}
    if method == "mind_the_gap":
        kinds = {"self_solution": 190, "rewrite": 100, "expert": 110}
    grpo = []
    if method == "rewriting_agent":
        for step in range(1, 61):
            x = 1 - np.exp(-step / 20)
            grpo.append(
                GrpoStep(
                    step=step,
                    pass_rate=float(np.clip(0.56 + 0.24 * x + random.normal(0, 0.03), 0, 1)),
                    nll_passing=0.84 - 0.33 * x + random.normal(0, 0.02),
                    diversity=0.21 - 0.05 * x + random.normal(0, 0.008),
                    length=61 - 12 * x + random.normal(0, 1.5),
                )
            )
    return Run(
        method=method,
        seed=seed,
        scores=_scores(correct[method], seed),
        tc_yield=proportion(rewrites, 400) if share else None,
        targets=Targets(kinds=kinds, fallback_reasons={"wrong": 60, "reasoning": 21, "cut off": 4} if share else {}),
        target_nll=TargetNLL(mean=mean_over_rows(rows, resamples=100), median=float(np.median(rows)), n=400),
        final_loss=float(curve[-12:].mean()),
        loss=[LossPoint(step=int(s), loss=float(y), epoch=s / 60) for s, y in zip(steps, curve, strict=True)],
        grpo=grpo,
        stages=[
            StageCost(stage="sample", key="1" * 32, seconds=3.2, core_seconds=3.2, cached=True),
            StageCost(
                stage="finetune", key=f"f{method}{seed}", seconds=41.0 + seed, core_seconds=82.0, peak_bytes=3 << 29
            ),
            StageCost(stage="evaluate", key=f"e{method}{seed}", seconds=33.0, core_seconds=66.0),
        ]
        + ([StageCost(stage="train_agent", key=f"a{seed}", seconds=184.0, core_seconds=368.0)] if grpo else []),
        artifacts={"model": Artifact(kind="finetune", key=f"f{method}{seed}", digest="c" * 64)},
    )


def _summary(random, drawn, method, seeds):
    trained = method != "base"
    loss = 0.45 * NLL[method] if trained else 0
    return Summary(
        method=method,
        seeds=list(range(seeds)) if trained else [],
        averages=averages(drawn, method, BENCHMARKS, 0.95),
        tc_yield=Estimate(value=YIELD[method], low=YIELD[method] - 0.03, high=YIELD[method] + 0.03)
        if method in YIELD
        else None,
        tc_yield_n=400 * seeds if method in YIELD else 0,
        target_nll=mean_over_rows(random.normal(NLL[method], 0.2, 400), resamples=100) if trained else None,
        final_loss=Estimate(value=loss, low=loss - 0.01, high=loss + 0.01) if trained else None,
    )


def _forgetting(correct, runs):
    singly = {"base": correct["base"]}
    for run in runs:
        singly[f"{run.method}/{run.seed}"] = {name: matrix[[run.seed]] for name, matrix in correct[run.method].items()}
    drawn = draw(singly, 200)
    general = {name: average(drawn, name, BENCHMARKS["general"]) for name in drawn}
    models = [
        Trained(m := one.method, one.seed, one.target_nll.mean.value, general[f"{m}/{one.seed}"], m == "dft")
        for one in runs
    ]
    return forgetting(models, general["base"], 0.95)


def _histograms(random):
    edges = np.linspace(0, 2.4, 49)
    found = []
    for name, level in (("expert", 1.42), ("direct rewrite", 0.86), ("agent rewrite", 0.51)):
        values = random.gamma(12, level / 12, 400)
        counts, _ = np.histogram(values, edges)
        found.append(
            Histogram(
                name=name,
                edges=edges.tolist(),
                counts=counts.tolist(),
                n=400,
                median=float(np.median(values)),
                outside=int(400 - counts.sum()),
            )
        )
    return found


def _examples():
    expert = (
        "1. The greatest 3-digit number in base 8 is $777_8$.\n2. Convert: $7 \\cdot 8^2 + 7 \\cdot 8 + 7 = 511$.\n"
        "3. $511 \\div 7 = 73$ R $0$.\n\n$\\boxed{777_8}$"
    )
    direct = (
        "To find it, identify the largest 3-digit number in base 8, $777_8 = 511$. It is divisible by 7.\n\n"
        "$\\boxed{777_8}$"
    )
    agent = (
        "Step 1: Understand the problem\nThe greatest 3-digit number in base 8 is $777_8$.\n\n"
        "Step 2: Convert to decimal\n$7 \\cdot 64 + 7 \\cdot 8 + 7 = 511$\n\n"
        "Step 3: Check\n$511 \\div 7 = 73$, remainder 0.\n\n$\\boxed{777_8}$"
    )
    wrong = "There are 6 boxes with 12 pens, so 6 + 12 = 18.\n\n$\\boxed{18}$"
    return [
        Example(
            id="synthetic/0001",
            question=QUESTION,
            versions=[
                Version(name="expert", text=expert, nll=0.742, tokens=148),
                Version(name="direct rewrite", text=direct, verdict="passed", nll=0.631, tokens=92),
                Version(name="agent rewrite", text=agent, verdict="passed", nll=0.440, tokens=171),
            ],
        ),
        Example(
            id="synthetic/0002",
            question="Each of 6 boxes holds 12 pens. How many pens are there?",
            versions=[
                Version(name="expert", text="6 * 12 = 72. $\\boxed{72}$", nll=1.3, tokens=14),
                Version(name="direct rewrite", text=wrong, verdict="failed", reason="wrong: 18 is not 72", nll=0.9),
                Version(name="agent rewrite", text=wrong, verdict="no verdict", reason="the judge did not answer"),
            ],
        ),
    ]


def _lineage(methods, seeds):
    """A graph as the flow makes it: two corpora, one backbone, shards, methods, seeds, benchmarks."""
    nodes, edges = [], []

    def add(kind, key, name="", variant="", **inputs):
        nodes.append(Node(key=key, kind=kind, name=name, variant=variant, digest=key[::-1] * 2, seconds=1.5))
        edges.extend(Edge(source=source, target=key, name=label) for label, source in inputs.items())
        return key

    corpora = {f"corpus.{name}": add("corpus", f"c0{name}", name) for name in ("numinamath_cot", "open_math_reasoning")}
    backbone = add("backbone", "b0")
    sample = add("sample", "5a0", **corpora, backbone=backbone)
    split = add("split", "5b0", rows=sample)
    scores = {"base": [add("evaluate", f"eb{n}", n, model=backbone) for n in ROWS]}
    adapter = add("train_agent", "a0", rows=split, backbone=backbone)
    for method in methods:
        if method == "base":
            continue
        dataset = split
        if method in YIELD:
            policy = {"adapter": adapter} if method == "rewriting_agent" else {}
            key = method if method == "rewriting_agent" else "direct"
            shards = range(2)
            if not any(node.key == f"r{key}0" for node in nodes):
                for shard in shards:
                    add("rewrite", f"r{key}{shard}", f"shard {shard}", rows=split, backbone=backbone, **policy)
                    add("verify", f"v{key}{shard}", f"shard {shard}", rewrites=f"r{key}{shard}", rows=split)
            made = {f"rewrites.{shard}": f"r{key}{shard}" for shard in shards}
            made |= {f"rewrite_verdicts.{shard}": f"v{key}{shard}" for shard in shards}
            dataset = add("assemble", f"d{method}", rows=split, **made)
        for seed in range(seeds):
            model = add(
                "finetune", f"f{method}{seed}", f"seed {seed}", str(method == "dft"), dataset=dataset, backbone=backbone
            )
            scores[f"{method}{seed}"] = [add("evaluate", f"e{method}{seed}{n}", n, model=model) for n in ROWS]
    inputs = {f"scores.{name}.{i}": key for name, keys in scores.items() for i, key in enumerate(keys)}
    add("report", "90", **inputs)
    return Graph(nodes=nodes, edges=edges)


@pytest.fixture(scope="session")
def synthetic():
    """The factory, so that a test can ask for fewer methods or seeds."""
    return synthetic_report


@pytest.fixture(scope="session")
def report_data():
    return synthetic_report()


@pytest.fixture(scope="session")
def page(report_data):
    from tasks.report.views.page import render

    return render(report_data)
