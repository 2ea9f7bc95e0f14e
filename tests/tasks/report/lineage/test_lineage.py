"""Lineage: from a key down to corpora and backbone, whatever the manifests hold."""

import pytest
from rich.console import Console

from tasks.report.lineage.lineage import collapse, subtitle, title, tree, walk
from tasks.report.lineage.lineage_figure import lineage_figure

HOSTILE = '"] --> evil["x`\n```\n<script>alert(1)</script> </svg> \x00\x1b[2J $\\boxed{1}$ %% ; click'


def manifest(kind, key, inputs=(), **config):
    """A manifest as the store writes it."""
    references = {name: {"kind": "any", "key": source, "digest": "d" * 64} for name, source in dict(inputs).items()}
    return {
        "kind": kind,
        "key": key,
        "digest": key * 4,
        "inputs": references,
        "config": config,
        "timings": {"started": 1.0, "seconds": 2.5},
    }


def store(*manifests):
    found = {entry["key"]: entry for entry in manifests}
    return found.__getitem__


@pytest.fixture
def load():
    shards = [manifest("rewrite", f"r{i}", {"rows": "split", "backbone": "pi"}, shard=i) for i in range(2)]
    verdicts = [manifest("verify", f"v{i}", {"rewrites": f"r{i}", "rows": "split"}) for i in range(2)]
    models = [
        manifest("finetune", f"f{loss}{seed}", {"dataset": "set", "backbone": "pi"}, seed=seed, loss=loss)
        for loss in ("nll", "dft")
        for seed in range(3)
    ]
    return store(
        manifest("corpus", "c1", name="numinamath_cot"),
        manifest("corpus", "c2", name="open_math_reasoning"),
        manifest("backbone", "pi", name="nano"),
        manifest("sample", "sample", {"corpora.a": "c1", "corpora.b": "c2", "tokenizers.this": "pi"}, seed=0),
        manifest("split", "split", {"sample": "sample"}, part="sft"),
        *shards,
        *verdicts,
        manifest(
            "assemble", "set", {"rows": "split", "rewrites.0": "r0", "rewrites.1": "r1", "v.0": "v0", "v.1": "v1"}
        ),
        *models,
        manifest("report", "top", {f"model.{entry['key']}": entry["key"] for entry in models}),
    )


def test_a_walk_reaches_corpora_and_backbone_with_inputs_first(load):
    graph = walk("top", load)
    keys = [node.key for node in graph.nodes]
    assert set(keys) == {"top", "set", "sample", "split", "c1", "c2", "pi", "r0", "r1", "v0", "v1"} | {
        f"f{loss}{seed}" for loss in ("nll", "dft") for seed in range(3)
    }
    assert len(keys) == len(set(keys)) and keys[-1] == "top"
    assert all(keys.index(edge.source) < keys.index(edge.target) for edge in graph.edges)
    assert {node.kind for node in graph.nodes if not any(e.target == node.key for e in graph.edges)} == {
        "corpus",
        "backbone",
    }


def test_an_input_that_is_gone_is_shown_as_missing_and_an_unknown_key_is_an_error(load):
    graph = walk("b", store(manifest("finetune", "b", {"dataset": "gone"})))
    assert [(node.key, node.missing) for node in graph.nodes] == [("gone", True), ("b", False)]
    assert "missing" in text_of(graph)
    with pytest.raises(LookupError, match="no manifest for nowhere"):
        walk("nowhere", load)


def test_a_damaged_store_with_a_cycle_still_ends():
    graph = walk("a", store(manifest("x", "a", {"in": "b"}), manifest("x", "b", {"in": "a"})))
    assert len(graph.nodes) == 2 and len(graph.edges) == 2
    assert lineage_figure(graph) and text_of(graph)


def test_shards_and_seeds_are_drawn_as_one_but_other_losses_and_corpora_are_not(load):
    groups, edges = collapse(walk("top", load))
    sizes = sorted((group.kind, len(group.keys)) for group in groups)
    assert sizes == [
        ("assemble", 1),
        ("backbone", 1),
        ("corpus", 1),
        ("corpus", 1),
        ("finetune", 3),
        ("finetune", 3),
        ("report", 1),
        ("rewrite", 2),
        ("sample", 1),
        ("split", 1),
        ("verify", 2),
    ]
    rewrite = next(group for group in groups if group.kind == "rewrite")
    assert rewrite.seconds == 5.0 and rewrite.names == ["shard 0", "shard 1"]
    assert all(a < b for a, b in edges)


def test_a_group_is_called_by_what_its_siblings_do_not_share(load):
    groups, _ = collapse(walk("top", load))
    said = {title(group): subtitle(group) for group in groups}
    assert said["rewrite × 2"] == "shard 0 … shard 1"
    assert said["finetune × 3"] == "seed 0 … seed 2"  # "dft", which they share, is not repeated


def test_a_seed_is_called_as_the_user_called_it():
    """SFT counts its seeds from 42."""
    trained = manifest("finetune", "f", loss="nll", seed=43) | {"seeds": {"seed": 43, "asked": 1}}
    assert [node.name for node in walk("f", store(trained)).nodes] == ["nll, seed 1"]


def test_hostile_names_stay_names_everywhere():
    graph = walk("k" + HOSTILE, store(manifest(HOSTILE, "k" + HOSTILE, {HOSTILE: "b"}, name=HOSTILE)))
    drawn = lineage_figure(graph)
    assert "<script" not in drawn and drawn.count("</svg>") == 1 and "\x00" not in drawn
    shown = text_of(graph)
    assert "\x1b" not in shown and "\x00" not in shown


def test_a_long_name_is_cut():
    graph = walk("k", store(manifest("x" * 10**6, "k", name="y" * 10**6)))
    assert len(text_of(graph)) < 1000


def test_a_large_lineage_is_listed_and_not_drawn():
    entries = [manifest("finetune", f"k{i}", {"in": f"k{i - 1}"} if i else {}, step=i) for i in range(1500)]
    graph = walk("k1499", store(*entries))
    assert lineage_figure(graph) is None
    assert len(text_of(graph)) > 1500  # deeper than Python's stack


def text_of(graph) -> str:
    console = Console(width=200, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(tree(graph))
    return captured.get()


def test_the_tree_starts_at_the_artifact_and_names_each_input(load):
    lines = text_of(walk("set", load)).splitlines()
    assert lines[0].startswith("assemble set")
    assert any("rewrites.0: rewrite r0 shard 0" in line for line in lines)
    assert any("numinamath_cot" in line for line in lines)
    assert sum("sample sample" in line for line in lines if "see above" not in line) == 1
