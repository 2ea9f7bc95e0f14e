"""The lineage in the report: artifacts, and what was made of what.

{"nodes": [{"key": "9f3c…", "kind": "finetune", …}], "edges": [{"source": "51ab…", "target": "9f3c…", …}]}
"""

from pydantic import Field, FiniteFloat

from tasks.report.schema.values import Model


class Node(Model):
    """An artifact in the lineage."""

    key: str
    kind: str
    digest: str = ""
    name: str = Field(default="", description="what tells it from its siblings (benchmark, method, seed)")
    variant: str = Field(default="", description="digest of its config but for seed, shard and benchmarks")
    seconds: FiniteFloat | None = None
    missing: bool = Field(default=False, description="named as an input, but its manifest is not in the store")


class Edge(Model):
    """`source` is the input called `name` of `target` (both are keys)."""

    source: str
    target: str
    name: str


class Graph(Model):
    """The lineage: every artifact the report rests on, inputs before what was made of them."""

    nodes: list[Node] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)
