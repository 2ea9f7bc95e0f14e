"""What is in the artifacts is what the report shows: artifacts of a real store, written as the stages write them."""

import json
from html import unescape

import numpy as np
import pytest

from tasks.report.collect import ReportConfig, collect
from tasks.report.computed.joined import ReportError
from tasks.report.reading.provenance import commands
from tasks.report.schema.run_data import Run
from tasks.report.views.answers_view import said
from tasks.report.views.page import render
from tasks.report.views.page_tables import column
from tasks.report.views.wording import caveats
from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime.store.store import Artifact, Manifest, Store, read_manifest

MATH, GENERAL = ["nano_seen_kinds", "nano_new_kinds"], ["nano_facts", "nano_lists"]
CONFIG = ReportConfig(backbone="nano", resamples=200, examples=6)
IDS = [f"numinamath_cot/{i:04}" for i in range(40)]
RATES = {"base": (0.4, 0.9), "sft": (0.6, 0.6), "sdft": (0.5, 0.7), "rewriting_agent": (0.6, 0.84)}
PASSED = {"sdft": 24, "rewriting_agent": 32}
LEVEL = {"sft": 1.4, "sdft": 0.9, "rewriting_agent": 0.5}


class World:
    """A store with the artifacts of a study, published as stages publish them."""

    def __init__(self, root, seeds=2):
        self.store = Store(root)
        self.roles = {"scores": {}, "dataset": {}, "model": {}, "target_nll": {}, "agent": {}}
        self.roles |= {"untrained": {}, "trained": {}}
        self.corpus = self.put("corpus", {"name": "numinamath_cot"}, metrics={"read": 50, "quarantined": 3, "rows": 47})
        self.pi_0 = self.put("backbone", {}, metrics={"parameters": 3_400_000})
        self.split = self.put("split", {"part": "sft"}, {"corpus": self.corpus, "tokenizer": self.pi_0})
        questions = [{"id": f"h{i}", "question": f"Held out {i}", "solution": f"solved {i}"} for i in range(30)]
        self.held_out = self.put("split", {"part": "held_out"}, {"corpus": self.corpus}, {"rows.jsonl": questions})
        self.evaluate("base", self.pi_0)
        for method in ("sft", "sdft", "rewriting_agent"):
            for seed in range(seeds):
                self.run(method, seed)

    def put(self, kind, config, inputs=None, files=None, metrics=None) -> Artifact:
        key = f"{kind}{len(list(self.store.manifests())):04}" + "0" * 16
        folder = self.store.partial(key)
        folder.mkdir(parents=True)
        for name, rows in (files or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            if name.endswith(".jsonl"):
                write_rows(folder / name, rows)
            else:
                (folder / name).write_text(json.dumps(rows))
        with self.store.lock(key):
            return self.store.publish(
                Manifest(
                    kind=kind,
                    key=key,
                    inputs=inputs or {},
                    config=config,
                    metrics=metrics or {},
                    timings={"started": 1.0, "seconds": 2.0},
                    cost={"core_seconds": 4.0, "gpu_seconds": 0.0, "peak_bytes": 2**30},
                    run={"flow_run_id": "this" if kind == "finetune" else "earlier"},
                )
            )

    def evaluate(self, run, model):
        files = {}
        for name in MATH + GENERAL:
            rate = RATES[run.split("/")[0]][name in GENERAL]
            answers = [{"id": f"{name}/{i}", "correct": i < 50 * rate, "verdict": "correct"} for i in range(50)]
            for i, one in enumerate(answers):
                boxed = "so it is $\\boxed{4}$" if run != "sdft/1" else "so it is 4"
                one |= {"text": boxed, "finished": True, "tokens": 10 if run == "base" else 15, "subset": f"s{i % 2}"}
            if run.startswith("sdft"):
                answers.reverse()  # rows are joined by id, not by position
            files[f"{name}/answers.jsonl"] = answers
            files[f"{name}/scores.json"] = {"benchmark": name, "undecided": 1, "truncated": 2}
            files[f"{name}/scores.json"]["dtype"] = "float32" if run == "sft/0" else "bfloat16"
        self.roles["scores"][run] = self.put("evaluate", {"benchmarks": MATH + GENERAL}, {"model": model}, files)

    def run(self, method, seed):
        name, passed = f"{method}/{seed}", PASSED.get(method)
        rows = []
        for i, key in enumerate(IDS):
            row = {"id": key, "question": f"<b>Question</b> {i}", "target": f"expert {i}", "kind": "expert"}
            row |= {"verdict": None, "fallback_reason": None}
            if passed is not None and i < passed:
                row |= {"target": f"{method} {i}", "kind": "rewrite", "verdict": {"passed": True}}
            elif passed is not None:
                row |= {"verdict": {"answer": {"reason": "18 is not 72"}}, "fallback_reason": "wrong"}
            rows.append(row)
        metrics = {} if passed is None else {"yield_passed": passed, "yield_of": len(IDS)}
        made = self.put("assemble", {}, {"rows": self.split}, {"rows.jsonl": rows}, metrics)
        loss = [
            {"step": s, "epoch": s / 10, "loss": LEVEL[method] / s, "learning_rate": 1e-3, "grad_norm": 0.5 + s % 2}
            for s in range(1, 21)
        ]
        loss[3]["loss"] = float("nan")
        config = {"seed": 42 + seed, "loss": "nll"}
        model = self.put(
            "finetune",
            config,
            {"dataset": made, "backbone": self.pi_0},
            {"loss.jsonl": loss},
            {"final_loss": LEVEL[method] / 20, "rounded_back": {"sft": 0.75, "sdft": 0.91}.get(method, 0.4)},
        )
        nlls = [{"id": key, "nll": LEVEL[method] + 0.01 * i, "tokens": 9} for i, key in enumerate(IDS)]
        scored = self.put("score", {}, {"rows": made, "backbone": self.pi_0}, {"scores.jsonl": nlls[: 40 - seed]})
        self.roles["dataset"][name], self.roles["model"][name] = made, model
        self.roles["target_nll"][name] = scored
        if method == "rewriting_agent":
            steps = [
                {"step": s, "pass_rate": 0.5 + s / 100, "nll": 0.5, "diversity": None, "length": 50.0}
                for s in (1, 2, 3, 3)
            ]
            self.roles["agent"][name] = self.put("train_agent", {"seed": seed}, {}, {"steps.jsonl": steps})
            self.roles["untrained"][name] = self.roles["untrained"].get("rewriting_agent/0") or self.measure(0.5, 0.9)
            self.roles["trained"][name] = self.measure(0.75, 0.5)
        self.evaluate(name, model)

    def measure(self, rate, nll):
        """K = 4 candidates of 30 rows; the untrained rewriter passes none of the last rows."""
        rows, rewrites = [], []
        for i in range(30):
            hits = int(4 * rate) if i < 24 or rate > 0.5 else 0
            figures = {"nll": nll + 0.001 * i if hits else None, "diversity": 0.1, "expert_nll": 1.4}
            figures["length"] = 19.5 + hits / 2 if hits else None
            rows.append(
                {"id": f"h{i}", "candidates": 4, "passed": hits, "no_verdict": 0, "expert_length": 40} | figures
            )
            for k in range(4):
                made = {"text": f"rewrite {k} of h{i}", "finished": True, "tokens": 20 + k, "passed": k < hits}
                rewrites.append({"id": f"h{i}"} | made | {"nll": figures["nll"] if k < hits else None})
        files = {"rows.jsonl": rows, "rewrites.jsonl": rewrites}
        return self.put("measure", {"rate": rate, "diversity_of": 2}, {"rows": self.held_out}, files)

    def collect(self, config=CONFIG, roles=None):
        folders = {
            role: {run: self.store.path(artifact.key) for run, artifact in made.items()}
            for role, made in (roles or self.roles).items()
        }
        return collect(config, folders, lambda key: read_manifest(self.store.path(key)), flow_run_id="this")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def data(world):
    return world.collect()


def test_what_was_forgotten_stands_against_the_nll_of_each_run(data):
    found = {(one.method, one.seed): one for one in data.forgetting.models}
    assert len(found) == len(data.runs) == 6
    for run in data.runs:
        one = found[run.method, run.seed]
        assert one.target_nll == run.target_nll.mean.value and not one.other_loss
        assert one.forgotten.value == pytest.approx(RATES["base"][1] - RATES[run.method][1])
    nll = [one.target_nll for one in data.forgetting.models]
    forgotten = [one.forgotten.value for one in data.forgetting.models]
    assert data.forgetting.slope.value == pytest.approx(np.polyfit(nll, forgotten, 1)[0])
    assert data.forgetting.slope.low < data.forgetting.slope.value < data.forgetting.slope.high


def test_a_model_of_another_loss_is_marked_in_the_picture_of_forgetting(world):
    other = world.put("finetune", {"seed": 42, "loss": "dft"}, {}, {"loss.jsonl": []}, {"final_loss": 0.1})
    roles = world.roles | {"model": world.roles["model"] | {"sdft/0": other}}
    found = world.collect(roles=roles).forgetting
    assert [(one.method, one.seed) for one in found.models if one.other_loss] == [("sdft", 0)]


def test_scores_are_those_of_the_answers(data):
    for run in [data.base, *data.runs]:
        for name in MATH + GENERAL:
            score = run.scores[name]
            assert score.accuracy == pytest.approx(RATES[run.method][name in GENERAL])
            assert (score.n, score.undecided, score.truncated) == (50, 1, 2)
            assert score.low < score.accuracy < score.high
    assert {name: sorted(of) for name, of in data.benchmarks.items()} == {"math": sorted(MATH), "general": GENERAL}


def test_what_became_of_the_answers_stands_beside_the_base_and_a_lost_box_is_told(data):
    found = {(row.method, row.group): row for row in data.answered}
    sft = found["sft", "general"]
    assert sft.right_to_wrong.value == pytest.approx(0.3) and sft.wrong_to_right.value == 0
    assert sft.length_ratio.value == pytest.approx(1.5) and sft.forms == {"well-formed": 1.0}
    sdft = found["sdft", "general"]
    assert sdft.forms == pytest.approx({"well-formed": 0.5, "no box": 0.5}) and sdft.lost_to_form == pytest.approx(0.5)
    assert {row.subject for row in data.subjects} == {"s0", "s1"}
    [line, _] = said(data)
    assert "SDFT: 50.0 % of its downstream answers are not well-formed (no box 50.0); of the base’s 0.0 %" in line
    assert line in unescape(render(data))


def test_averages_and_changes_follow_table_1(data):
    by_method = {summary.method: summary for summary in data.summaries}
    assert list(by_method) == ["base", "sft", "sdft", "rewriting_agent"]
    sft = by_method["sft"].averages
    assert sft.math.value == pytest.approx(0.6) and sft.general.value == pytest.approx(0.6)
    assert sft.math_gain_percent.value == pytest.approx(50.0)
    assert sft.general_drop_percent.value == pytest.approx(100 / 3)
    assert data.runs[0].averages.math.value == pytest.approx(0.6)
    assert by_method["sft"].seeds == [0, 1]


def test_rows_are_joined_by_id_so_that_a_difference_is_paired(data):
    found = {(c.method, c.reference, c.measure): c for c in data.comparisons}
    same = found["rewriting_agent", "sft", "MathAvg"]
    assert (same.difference.value, same.difference.low, same.difference.high) == pytest.approx((0, 0, 0), abs=1e-9)
    assert same.within_noise and (same.rows, same.seeds) == (100, 2)
    assert not found["sdft", "sft", "MathAvg"].within_noise  # its answers lie in the other order


def test_yield_and_targets_are_those_of_the_dataset(data):
    for run in data.runs:
        passed = PASSED.get(run.method)
        if passed is None:
            assert run.tc_yield is None and run.targets.kinds == {"expert": 40}
        else:
            assert run.tc_yield.rate == pytest.approx(passed / 40) and run.tc_yield.n == 40
            assert run.targets.kinds == {"rewrite": passed, "expert": 40 - passed}
            assert run.targets.fallback_reasons == {"wrong": 40 - passed}
    difference = next(c for c in data.comparisons if c.measure == "yield")
    assert difference.difference.value == pytest.approx(0.2) and not difference.within_noise


def test_a_method_of_which_one_seed_tells_nothing_by_row_is_left_out_there_and_nowhere_else(world):
    """SDFT's second seed kept fewer rows than it asked for, SFT's was not scored under pi_0."""
    made = read_manifest(world.store.path(world.roles["dataset"]["sdft/1"].key))
    rows = list(read_rows(world.store.path(made["key"]) / "rows.jsonl"))
    fewer = world.put("assemble", {}, {"rows": world.split}, {"rows.jsonl": rows[:30]}, made["metrics"])
    scored = {run: one for run, one in world.roles["target_nll"].items() if run != "sft/1"}
    roles = world.roles | {"dataset": world.roles["dataset"] | {"sdft/1": fewer}, "target_nll": scored}
    data = world.collect(roles=roles)
    told = {one.method: (one.tc_yield and one.tc_yield.value, one.target_nll) for one in data.summaries}
    assert told["sdft"][0] == pytest.approx(24 / 40), "its rates without a row's verdict"
    assert told["sft"] == (None, None) and told["sdft"][1] is not None
    found = {(one.measure, one.method) for one in data.comparisons}
    assert ("yield", "rewriting_agent") not in found and ("target NLL", "sdft") not in found
    assert ("MathAvg", "sdft") in found


def test_nll_is_compared_on_the_rows_that_all_runs_scored(data):
    by_run = {(run.method, run.seed): run for run in data.runs}
    assert [by_run["sft", seed].target_nll.n for seed in (0, 1)] == [40, 39]
    found = next(c for c in data.comparisons if c.measure == "target NLL" and c.method == "rewriting_agent")
    assert found.rows == 39 and found.difference.value == pytest.approx(-0.9)


def test_curves_keep_every_step_once_and_no_nan(data):
    run = next(run for run in data.runs if run.method == "rewriting_agent")
    assert [point.step for point in run.loss] == list(range(1, 21)) and run.loss[3].loss is None
    assert [step.step for step in run.grpo] == [1, 2, 3] and run.grpo[0].diversity is None
    assert run.grpo[2].pass_rate == pytest.approx(0.53) and run.grpo[0].nll_passing == 0.5
    assert run.final_loss == pytest.approx(0.025)
    assert run.loss[0].grad_norm == 1.5 and (run.stability.steps, run.stability.grad_norm) == (19, 1.0)


def test_models_that_were_read_in_a_precision_that_undoes_their_training_are_named_with_what_to_set(data):
    """SFT's first seed was read in float32; the agent's models moved far enough."""
    assert [run.read_in_bfloat16 for run in data.runs if run.method == "sft"] == [[], ["evaluate"]]
    [said] = [line for line in caveats(data) if "bfloat16" in line]
    assert "75 % or more" in said and "(SFT, SDFT)" in said and said.count("--set") == 1
    assert "--set evaluate.dtype=float32" in said
    assert "backbone’s again in bfloat16, means over seeds: SFT 75 %, SDFT 91 %, rewriting agent 40 %." in render(data)
    calm = data.model_copy(update={"runs": [run for run in data.runs if run.method == "rewriting_agent"]})
    assert not any("bfloat16" in line for line in caveats(calm))


def test_an_agent_whose_passing_rewrites_hold_little_reasoning_is_named(data):
    def told(length, alone, rewriter="rewriting_agent"):
        one = next(one for one in data.held_out if one.rewriter == rewriter)
        changed = one.model_copy(update={"length": length, "answer_alone": alone, "expert_length": 100.0})
        lines = caveats(data.model_copy(update={"held_out": [changed]}))
        return [line for line in lines if "nothing but the answer" in line]

    assert told(60.0, 0.25) == [] and told(20.0, 0.9, "untrained") == [] and told(None, None) == []
    assert len(told(60.0, 0.26)) == 1
    [said] = told(59.0, 0.0)
    assert said.startswith("rewriting agent: passing rewrites have 59 tokens at the median, the expert's solutions 100")


def test_histograms_hold_expert_direct_and_agent_rewrites_of_the_same_held_out_rows(data):
    found = {histogram.name: histogram for histogram in data.histograms}
    assert {name: h.n for name, h in found.items()} == {"expert": 30, "direct rewrite": 48, "agent rewrite": 90}
    for histogram in found.values():
        assert sum(histogram.counts) + histogram.outside == histogram.n
        assert histogram.edges == data.histograms[0].edges and histogram.of == "held-out rows"
    assert found["agent rewrite"].median == pytest.approx(0.5145) and found["expert"].median == 1.4


def test_without_held_out_rows_the_histograms_are_of_the_targets(world):
    roles = {role: made for role, made in world.roles.items() if role not in ("trained", "untrained")}
    histograms = world.collect(roles=roles).histograms
    assert {h.name: h.n for h in histograms} == {"expert": 40, "direct rewrite": 24, "agent rewrite": 32}
    assert histograms[2].median == pytest.approx(0.5 + 0.01 * np.median(range(32)))
    assert histograms[0].of == "targets that SFT trains on"


def test_examples_of_held_out_rows_show_the_first_rewrite_whether_it_passes_or_not(world):
    data = world.collect(roles=world.roles | {"held_out": {"base": world.held_out}})
    assert len(data.examples) == 6
    for example in data.examples:
        number = int(example.id[1:])
        expert, direct, agent = example.versions
        assert (expert.text, expert.nll, expert.tokens) == (f"solved {number}", 1.4, 40)
        assert (example.question, agent.text) == (f"Held out {number}", f"rewrite 0 of h{number}")
        assert agent.verdict == "passed" and direct.verdict == ("passed" if number < 24 else "failed")
    assert data.runs[0].artifacts.keys() == {"dataset", "model", "target_nll"} | {"scores"}


def test_the_case_of_appendix_f_is_found_by_rule_and_shown_first(world):
    data = world.collect(roles=world.roles | {"held_out": {"base": world.held_out}})
    assert (data.cases.rows, data.cases.in_order) == (24, 1.0)  # of 30 rows the untrained rewriter passes 24
    expert, direct, agent = data.cases.example.versions
    assert expert.nll > direct.nll > agent.nll
    falls = sorted(1.4 - 0.5 - 0.001 * i for i in range(24))
    assert expert.nll - agent.nll == pytest.approx(falls[12])
    page = render(data)
    assert "both pass, the NLL falls from expert to direct rewrite to agent on 100.0 %" in page
    assert page.count(f"<code>{data.cases.example.id}</code>") == 1


def test_examples_show_the_same_row_before_and_after(data):
    assert len(data.examples) == 6 and len({example.id for example in data.examples}) == 6
    kept = 0
    for example in data.examples:
        number = int(example.id[-4:])
        texts = {version.name: version for version in example.versions}
        assert texts["expert"].text == f"expert {number}"
        agent = texts["agent rewrite"]
        if number < 32:
            assert agent.text == f"rewriting_agent {number}" and agent.verdict == "passed"
            assert agent.nll == pytest.approx(0.5 + 0.01 * number)
        else:
            kept += 1
            assert agent.text == "" and agent.verdict == "failed" and "18 is not 72" in agent.reason
    assert kept == 1


def test_lineage_costs_and_rows_set_aside_come_from_the_manifests(data, world):
    kinds = {node.kind for node in data.lineage.nodes}
    assert {
        "corpus",
        "backbone",
        "split",
        "assemble",
        "finetune",
        "score",
        "train_agent",
        "evaluate",
        "measure",
    } == kinds
    assert data.backbone.parameters == 3_400_000 and data.backbone.digest == world.pi_0.digest
    costs = {cost.key: cost for run in data.runs for cost in run.stages}
    assert all(cost.cached == (cost.stage != "finetune") for cost in costs.values())
    told = {(cost.seconds, cost.core_seconds, cost.gpu_seconds, cost.peak_bytes) for cost in costs.values()}
    assert told == {(2.0, 4.0, None, 2**30)}
    assert [(entry.stage, entry.rows, entry.of, entry.reasons) for entry in data.quarantined] == [
        ("corpus", 3, 50, {"unusable": 3})
    ]
    assert {"part": "sft"} in data.config["split"] and len(data.config["finetune"]) == 2
    assert data.reproduce == [
        "rewriting-agent study --backbone nano --method sft --method sdft --method rewriting_agent --seeds 2"
    ]


def test_an_ablation_is_reproduced_by_its_own_command():
    runs = [Run(method=method, seed=seed) for method in ("rewriting_agent", "no_dist", "k5") for seed in (0, 1)]
    assert commands("nano", runs, {}) == [
        "rewriting-agent ablation --backbone nano --variant no_dist --variant k5 --seeds 2 --no-downstream"
    ]


def test_strengths_are_reproduced_by_a_study_that_asks_for_them():
    runs = [Run(method=method, seed=0) for method in ("sft", "sft_kl", "sft_kl=2")]
    assert commands("nano", runs, {}) == [
        "rewriting-agent study --backbone nano --method sft --method sft_kl --seeds 1 --strengths sft_kl=0.1,2"
    ]


def test_what_was_changed_of_the_backbones_file_is_in_the_command():
    runs = [Run(method="sdft", seed=2)]
    assert commands("nano", runs, {"sample.rows": 500, "evaluate.benchmarks": ["nano_facts"]}) == [
        "rewriting-agent run --backbone nano --method sdft --seed 2 --set sample.rows=500 "
        """--set 'evaluate.benchmarks=["nano_facts"]'"""
    ]
    assert commands("mine", runs, None) == [
        "rewriting-agent run --backbone EXPERIMENT.yaml --method sdft --seed 2"
        "  # EXPERIMENT.yaml: the file that names the backbone mine"
    ]


def test_the_collected_data_render_with_all_their_sections(data):
    page = render(data)
    assert 'class="none">No ' not in page
    assert "&lt;b&gt;Question&lt;/b&gt;" in page and "<b>Question</b>" not in page


def test_the_agent_is_held_against_the_untrained_rewriter_on_held_out_rows(data):
    untrained, agent = data.held_out
    assert (untrained.rewriter, untrained.seeds) == ("untrained", 1)
    assert (agent.rewriter, agent.seeds) == ("rewriting_agent", 2)
    assert untrained.pass_rate.value == pytest.approx(0.4) and agent.pass_rate.value == pytest.approx(0.75)
    assert (agent.rows, agent.candidates) == (30, 4)
    assert (agent.nll_rows, agent.diversity_rows) == (24, 24)  # where both rewriters have passing rewrites
    assert agent.length == 21.0 and agent.expert_length == 40.0
    assert agent.mean_length.value == 21.0 and untrained.mean_length.value == 20.5
    found = {c.measure: c for c in data.comparisons if c.reference == "untrained"}
    assert found["held-out pass rate"].difference.value == pytest.approx(0.35)
    assert found["held-out NLL"].difference.high == pytest.approx(-0.4)
    assert found["held-out D(S+)"].within_noise
    assert found["held-out length"].difference.value == pytest.approx(0.5)
    assert found["held-out length"].rows == 24
    assert "length of passing rewrites on held-out rows higher by 0.5 tokens" in render(data)
    assert "rewriting agent against untrained rewriter" in render(data)


def test_a_columns_name_is_short_and_its_unit_small():
    assert column("held-out NLL") == ("NLL of passing rewrites", "on held-out rows, nats/token")
    assert column("held-out D(S+)") == ("D(S+)", "on held-out rows")
    assert column("MathAvg") == ("downstream accuracy", "points")


def test_the_stage_writes_the_page_and_its_json_from_folders_of_inputs(world, tmp_path):
    from tasks.report.report import read_report
    from tasks.report.stage import report

    roles = {
        role: {run: world.store.path(artifact.key) for run, artifact in made.items()}
        for role, made in world.roles.items()
    }
    scores = {run: {"nano_facts": folder} for run, folder in roles.pop("scores").items()}
    metrics = report.plain(
        CONFIG, tmp_path, scores=scores, held_out={"base": world.store.path(world.held_out.key)}, **roles
    )
    assert metrics == {"runs": 6, "methods": 4, "artifacts": len(read_report(tmp_path).lineage.nodes)}
    assert (tmp_path / "report.html").stat().st_size > 50_000


def test_one_seed_has_no_range_over_seeds_and_the_page_says_what_the_intervals_hold(tmp_path):
    data = World(tmp_path, seeds=1).collect()
    sft = next(summary for summary in data.summaries if summary.method == "sft")
    assert sft.final_loss.value == pytest.approx(0.07) and sft.final_loss.low is None
    assert "One training seed a method" in render(data)


def test_runs_on_other_rows_are_refused_by_name(tmp_path):
    world = World(tmp_path, seeds=1)
    answers = [{"id": f"nano_facts/{i}", "correct": True} for i in range(49)]
    files = {"nano_facts/answers.jsonl": answers, "nano_facts/scores.json": {"benchmark": "nano_facts"}}
    world.roles["scores"]["sft/0"] = world.put("evaluate", {}, {}, files)
    with pytest.raises(ReportError, match=r"nano_facts: base, seed None, has rows that others lack .*nano_facts/49"):
        world.collect()


def test_a_report_without_the_base_is_refused(tmp_path):
    world = World(tmp_path, seeds=1)
    del world.roles["scores"]["base"]
    with pytest.raises(ReportError, match="untrained backbone"):
        world.collect()


def test_one_artifact_a_benchmark_is_read_as_well(tmp_path, data):
    world = World(tmp_path, seeds=2)
    whole = world.store.path(world.roles["scores"].pop("sft/1").key)
    for name in MATH + GENERAL:
        answers = [json.loads(line) for line in (whole / name / "answers.jsonl").read_text().splitlines()]
        files = {"answers.jsonl": answers, "scores.json": {"benchmark": name, "undecided": 1, "truncated": 2}}
        world.roles["scores"][f"sft/1/{name}"] = world.put("evaluate", {"benchmarks": [name]}, {}, files)
    again = world.collect()
    assert {f"scores/{name}" for name in MATH + GENERAL} <= set(again.runs[1].artifacts)
    assert [run.scores for run in again.runs] == [run.scores for run in data.runs]
    assert again.comparisons == data.comparisons
