"""A layered drawing: inputs above what is made of them, nothing on another's place, every edge drawn."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from tasks.report.lineage.layers import layout

BOX = 100.0


@some.composite
def graphs(draw: some.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """Nodes, inputs first, and edges from earlier to later ones."""
    n = draw(some.integers(1, 14))
    pairs = [(a, b) for b in range(n) for a in range(b)]
    return n, sorted(draw(some.sets(some.sampled_from(pairs), max_size=30))) if pairs else []


@given(graphs())
def test_inputs_lie_above_and_boxes_apart(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = graph
    places, lines = layout(n, edges, BOX)
    assert all(places[a][1] < places[b][1] for a, b in edges)
    for layer in {layer for _, layer in places}:
        row = sorted(x for x, on in places if on == layer)
        assert all(right - left >= BOX - 1e-6 for left, right in pairwise(row))
    assert all(b[1] == a[1] + 1 for line in lines for a, b in pairwise(line))  # layer by layer


@given(graphs())
def test_every_edge_can_be_followed_along_the_lines_and_no_piece_is_drawn_twice(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    n, edges = graph
    places, lines = layout(n, edges, BOX)
    pieces = [(a, b) for line in lines for a, b in pairwise(line)]
    assert len(pieces) == len(set(pieces))
    onward: dict[tuple[float, int], set[tuple[float, int]]] = {}
    for a, b in pieces:
        onward.setdefault(a, set()).add(b)
    nodes = {place: v for v, place in enumerate(places)}
    found = set()
    for v, place in enumerate(places):
        waiting = list(onward.get(place, ()))
        while waiting:
            at = waiting.pop()
            if at in nodes:
                found.add((v, nodes[at]))
            else:
                waiting += onward.get(at, ())
    assert found == set(edges)
