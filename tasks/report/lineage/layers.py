"""A layered drawing of a directed graph after Sugiyama: where its nodes lie and how its edges run.

In:  n nodes, inputs first, edges as pairs of positions, and the width that a node takes
Out: (x, layer) of every node, and the lines to be drawn: a node, a stop on each layer between, a node; edges of one
     source run together, so a line may also begin at the stop where it parts from another

Layers by longest path, long edges led through invisible stops, the order within a layer by the mean position of the
neighbours, then positions by the same means under a least distance.
"""

from collections import defaultdict
from itertools import pairwise

STOP = 14  # the width of a long edge's stop

Edges = list[tuple[int, int]]
Neighbours = dict[int, list[int]]
Place = tuple[float, int]  # x and layer


def layout(n: int, edges: Edges, box: float) -> tuple[list[Place], list[list[Place]]]:
    """The places of the nodes, and the lines, each piece of which is drawn once."""
    above, below, rows = _with_stops(n, edges, _layers(n, edges))
    _order(rows, above, below)
    x = _positions(rows, above, below, n, box)
    layer = {v: number for number, row in enumerate(rows) for v in row}
    lines = []
    waiting = [[v, first] for v in range(n) for first in below[v]]
    while waiting:
        line = waiting.pop()
        while line[-1] >= n:  # at a stop: the first edge goes on, those that part from it begin here
            onward, *parting = below[line[-1]]
            waiting += [[line[-1], other] for other in parting]
            line.append(onward)
        lines.append([(x[u], layer[u]) for u in line])
    return [(x[v], layer[v]) for v in range(n)], lines


def _width(v: int, n: int, box: float) -> float:
    return box if v < n else STOP


def _layers(n: int, edges: Edges) -> list[int]:
    """Longest path from an input; then inputs without inputs move down to just above their first use."""
    inputs: dict[int, list[int]] = defaultdict(list)
    for a, b in edges:
        inputs[b].append(a)
    layer = [0] * n
    for v in range(n):  # groups come inputs first
        layer[v] = max((layer[u] + 1 for u in inputs[v] if u < v), default=0)
    for v in range(n):
        if not inputs[v]:
            layer[v] = min((layer[b] for a, b in edges if a == v), default=1) - 1
    return layer


def _with_stops(n: int, edges: Edges, layer: list[int]) -> tuple[Neighbours, Neighbours, list[list[int]]]:
    """Neighbours above and below, and the layers, with a stop on every layer that a long edge crosses."""
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    rows: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for v in range(n):
        rows[layer[v]].append(v)
    stops: dict[tuple[int, int], int] = {}  # one stop a source and layer: its long edges run together
    following = n
    for a, b in sorted(edges):
        if layer[b] <= layer[a]:
            continue  # a cycle: only a damaged store has one
        last = a
        for depth in range(layer[a] + 1, layer[b]):
            if (a, depth) not in stops:
                stops[a, depth] = following
                rows[depth].append(following)
                below[last].append(following)
                above[following].append(last)
                following += 1
            last = stops[a, depth]
        below[last].append(b)
        above[b].append(last)
    return above, below, rows


def _order(rows: list[list[int]], above: Neighbours, below: Neighbours) -> None:
    """Fewer crossings: each layer sorted by its neighbours' mean place, down and up a few times."""
    for sweep in range(12):
        neighbours = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            place = {v: number for other in rows for number, v in enumerate(other)}
            middle = {
                v: sum(place[u] for u in neighbours[v]) / len(neighbours[v]) if neighbours[v] else place[v] for v in row
            }
            row.sort(key=middle.__getitem__)


def _positions(rows: list[list[int]], above: Neighbours, below: Neighbours, n: int, box: float) -> dict[int, float]:
    """x of every node and stop: near the mean of its neighbours, in order, and not on another's place."""
    x: dict[int, float] = {}
    for row in rows:
        total = sum(_width(v, n, box) for v in row)
        left = -total / 2
        for v in row:
            x[v] = left + _width(v, n, box) / 2
            left += _width(v, n, box)
    for sweep in range(24):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for v in row:
                near = above[v] + below[v]
                wanted.append(sum(x[u] for u in near) / len(near) if near else x[v])
            apart = [(_width(a, n, box) + _width(b, n, box)) / 2 for a, b in pairwise(row)]
            right, left_side = wanted[:], wanted[:]
            for i in range(1, len(row)):
                right[i] = max(right[i], right[i - 1] + apart[i - 1])
            for i in range(len(row) - 2, -1, -1):
                left_side[i] = min(left_side[i], left_side[i + 1] - apart[i])
            for i, v in enumerate(row):
                x[v] = (right[i] + left_side[i]) / 2
    return x
