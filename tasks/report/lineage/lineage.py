"""Where an artifact comes from: the graph of its inputs down to corpora and backbone.

Comes in: a key and `load`, which gives the manifest of a key as a dict and raises where there is none:
    {"kind": "finetune", "key": "5f0c…", "digest": "a1…", "inputs": {"dataset": {"kind", "key", "digest"}, …},
     "config": {…}, "timings": {"started": 1.7e9, "seconds": 41.2}, …}
Goes out: a Graph of nodes and edges, inputs first. `collapse` merges siblings (shards, seeds, benchmarks) for drawing;
`tree` writes it for the terminal.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from tasks.report.schema.lineage_data import Edge, Graph, Node
from tasks.runtime.files.plain_text import label

Load = Callable[[str], dict[str, Any]]

MAX_NODES = 10_000  # a store that names more in one lineage is damaged
_SIBLING = ("benchmark", "benchmarks", "shard", "shards", "seed")  # config fields in which siblings differ
_TELLING = ("name", "part", "loss", *_SIBLING)  # config fields worth a place beside the kind


def walk(keys: str | Iterable[str], load: Load) -> Graph:
    """The lineage of one or several artifacts. An input whose manifest is gone becomes a node marked `missing`.

    Raises:
        LookupError: the artifact asked for has no manifest (whatever `load` raised is its cause).
    """
    asked = [keys] if isinstance(keys, str) else list(keys)
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    waiting = [(key, None) for key in asked]  # (key, the reference that led there)
    while waiting:
        key, reference = waiting.pop()
        if key in nodes:
            continue
        if len(nodes) >= MAX_NODES:
            raise LookupError(f"the lineage of {asked} names more than {MAX_NODES} artifacts")
        try:
            manifest = load(key)
        except (LookupError, OSError, RuntimeError) as error:  # RuntimeError: the store's own StoreError
            if reference is None:
                raise LookupError(f"no manifest for {key}: {error}") from error
            nodes[key] = Node(key=key, kind=reference["kind"], digest=reference["digest"], missing=True)
            continue
        nodes[key] = _node(manifest)
        for name, entry in manifest.get("inputs", {}).items():
            edges.append(Edge(source=entry["key"], target=key, name=name))
            waiting.append((entry["key"], entry))
    return Graph(nodes=[nodes[key] for key in _inputs_first(nodes, edges)], edges=edges)


def _node(manifest: dict[str, Any]) -> Node:
    config = dict(manifest.get("config") or {})
    apart = json.dumps({field: value for field, value in config.items() if field not in _SIBLING}, sort_keys=True)
    asked = (manifest.get("seeds") or {}).get("asked")  # SFT counts its seeds from 42
    if asked is not None and "seed" in config:
        config["seed"] = asked
    telling = [_told(field, config[field]) for field in _TELLING if config.get(field) not in (None, "", [])]
    seconds = (manifest.get("timings") or {}).get("seconds")
    return Node(
        key=manifest["key"],
        kind=manifest["kind"],
        digest=manifest.get("digest", ""),
        name=label(", ".join(telling)),
        variant=hashlib.sha256(apart.encode()).hexdigest()[:12],
        seconds=seconds if isinstance(seconds, (int, float)) else None,
    )


def _told(field: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value[:8])
    return f"{field} {value}" if isinstance(value, int) else str(value)


def _inputs_first(nodes: dict[str, Node], edges: list[Edge]) -> list[str]:
    """Keys in topological order, ties by kind and key; what lies on a cycle (a damaged store) comes last."""
    after: dict[str, set[str]] = defaultdict(set)
    open_inputs = dict.fromkeys(nodes, 0)
    for source, target in {(edge.source, edge.target) for edge in edges}:
        after[source].add(target)
        open_inputs[target] += 1
    by_name = lambda key: (nodes[key].kind, nodes[key].name, key)  # noqa: E731
    ready, order = sorted((key for key, count in open_inputs.items() if count == 0), key=by_name), []
    while ready:
        order.append(key := ready.pop(0))
        for target in sorted(after[key], key=by_name):
            open_inputs[target] -= 1
            if open_inputs[target] == 0:
                ready.append(target)
    return order + sorted(set(nodes) - set(order), key=by_name)


class Group(Node):
    """Siblings drawn as one: the same kind made from the same groups. `keys` and `names` are the artifacts in it."""

    keys: list[str]
    names: list[str]


def collapse(graph: Graph) -> tuple[list[Group], list[tuple[int, int]]]:
    """Groups, inputs first, and the edges between them as pairs of positions.

    Artifacts are one group when they are of one kind, were made with one config but for seed, shard and benchmarks,
    and their inputs lie in the same groups. Keys and names stay listed in the group.
    """
    inputs: dict[str, set[str]] = defaultdict(set)
    for edge in graph.edges:
        inputs[edge.target].add(edge.source)
    groups: list[Group] = []
    position: dict[Any, int] = {}
    of: dict[str, int] = {}
    for node in graph.nodes:
        above = frozenset(of[key] for key in inputs[node.key] if key in of)
        # Roots (corpora, backbones) are what the reader looks for: they stay apart.
        signature = (node.kind, node.variant, above, node.missing) if above else node.key
        if signature not in position:
            position[signature] = len(groups)
            groups.append(Group(**node.model_dump(), keys=[], names=[]))
        of[node.key] = position[signature]
        group = groups[of[node.key]]
        group.keys.append(node.key)
        group.names.append(node.name)
        if len(group.keys) > 1 and node.seconds is not None:
            group.seconds = (group.seconds or 0.0) + node.seconds
    between = {(of[edge.source], of[edge.target]) for edge in graph.edges}
    return groups, sorted((a, b) for a, b in between if a != b)


def title(group: Group) -> str:
    """The first line of a group's box."""
    return label(group.kind, 24) + (f" × {len(group.keys)}" if len(group.keys) > 1 else "")


def subtitle(group: Group, limit: int = 24) -> str:
    """The second line: what tells it apart, else its key; of siblings the first and last."""
    if group.missing:
        return "missing"
    if len(group.keys) == 1:
        return label(group.name or group.key[:12], limit)
    first, last = (group.names[at].split(", ") for at in (0, -1))
    apart = [", ".join(part for part in one if part not in other) for one, other in ((first, last), (last, first))]
    if not any(apart):
        return label(", ".join(first), limit)
    return label(" … ".join(label(part, limit // 2 - 1) for part in apart if part), limit)


def tree(graph: Graph, called: Mapping[str, str] | None = None) -> Tree:
    """The lineage as a tree for the terminal: what nothing else was made from, its inputs below it, each unfolded once.

    Args:
        called: readable names by key, to be shown where there is one.
    """
    nodes = {node.key: node for node in graph.nodes}
    inputs: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for edge in graph.edges:
        inputs[edge.target][edge.source].append(edge.name)
    used = {edge.source for edge in graph.edges}
    tops = [node.key for node in graph.nodes if node.key not in used]
    root = Tree(Text("lineage"), hide_root=len(tops) == 1)
    shown: set[str] = set()
    # A stack, not recursion: a lineage may be deeper than Python's stack.
    stack = [(root, top, "") for top in reversed(tops)]
    while stack:
        parent, current, name = stack.pop()
        again = current in shown and bool(inputs[current])
        branch = parent.add(_line(nodes[current], name, again, (called or {}).get(current, "")))
        if not again:
            shown.add(current)
            below = sorted(inputs[current].items(), key=lambda item: item[1])
            stack += [(branch, source, ", ".join(names)) for source, names in reversed(below)]
    return root.children[0] if len(tops) == 1 else root


def _line(node: Node, name: str, again: bool, called: str) -> Text:
    line = Text()
    if name:
        line.append(f"{label(name)}: ", style="dim")
    if called:
        line.append(called, style="bold")
    else:
        line.append(label(node.kind), style="bold")
        line.append(f" {node.key[:12]}", style="cyan")
        if node.name:
            line.append(f" {label(node.name)}")
    if node.missing:
        line.append(" missing", style="bold red")
    elif node.seconds is not None:
        line.append(f" {node.seconds:.1f} s", style="dim")
    if again:
        line.append(" (see above)", style="dim")
    return line
