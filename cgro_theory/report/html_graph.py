"""A layered drawing of the graph of statements: what a statement rests on stands to its left.

Layers are longest paths from the statements that rest on nothing; edges over several layers pass through a point
in each, shared by those of one statement; crossings are reduced by barycentre sweeps (Sugiyama, Tagawa and Toda,
1981); heights are then the least-squares closest ones to the neighbours' that keep the order (pool adjacent
violators).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

NODE_WIDTH, NODE_HEIGHT = 214, 40
COLUMN_GAP, ROW_GAP, MARGIN = 38, 9, 6
_BEND_HEIGHT = 6
_SWEEPS = 24

Vertex = Hashable
"""A label, or (from, layer) for the point of a layer through which the long edges of one label pass."""


@dataclass(frozen=True)
class PlacedNode:
    """The upper left corner of one statement's box, in pixels."""

    label: str
    x: float
    y: float


@dataclass(frozen=True)
class PlacedEdge:
    """An arrow from a statement to one that rests on it; ``path`` is the ``d`` of an SVG path."""

    source: str
    target: str
    path: str


@dataclass(frozen=True)
class Layout:
    """A drawing of ``width`` by ``height`` pixels."""

    width: float
    height: float
    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]


def lay_out(labels: Sequence[str], depends_on: Mapping[str, Sequence[str]]) -> Layout:
    """Place the statements ``labels``, in whose order ties are broken; edges to other labels are left out.

    Statements without any edge are left out too. Raises ``ValueError`` on a circle.
    """
    parents = {label: [p for p in dict.fromkeys(depends_on.get(label, ())) if p in labels] for label in labels}
    used = {parent for above in parents.values() for parent in above}
    connected = [label for label in labels if parents[label] or label in used]
    layers = _layers(connected, parents)
    columns, chains = _with_bends(connected, parents, layers)
    columns = _uncrossed(columns, chains)
    heights = _heights(columns, chains)
    width = max(len(columns), 1) * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP + 2 * MARGIN
    height = max((heights[label] for label in connected), default=0.0) + NODE_HEIGHT + MARGIN
    nodes = [PlacedNode(label, _left(layers[label]), heights[label]) for label in connected]
    edges = tuple(PlacedEdge(str(chain[0]), str(chain[-1]), _path(chain, layers, heights)) for chain in chains)
    return Layout(width, height, tuple(nodes), edges)


def below(labels: Iterable[str], depends_on: Mapping[str, Sequence[str]]) -> set[str]:
    """What the statements rest on, directly or not."""
    found: set[str] = set()
    waiting = [parent for label in labels for parent in depends_on.get(label, ())]
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(depends_on.get(parent, ()))
    return found


def carrying(claims: Sequence[str], depends_on: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Of a theorem's claims those that no other of them rests on: the arrows that it needs."""
    carried = below(claims, depends_on)
    return tuple(label for label in claims if label in depends_on and label not in carried)


def _left(layer: int) -> float:
    return MARGIN + layer * (NODE_WIDTH + COLUMN_GAP)


def _layers(labels: Sequence[str], parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    layers: dict[str, int] = {}
    waiting = list(labels)
    while waiting:
        ready = [label for label in waiting if all(parent in layers for parent in parents[label])]
        if not ready:
            raise ValueError(f"statements depend on each other in a circle: {', '.join(waiting)}")
        for label in ready:
            layers[label] = max((layers[parent] + 1 for parent in parents[label]), default=0)
        waiting = [label for label in waiting if label not in layers]
    return layers


def _with_bends(
    labels: Sequence[str], parents: Mapping[str, Sequence[str]], layers: Mapping[str, int]
) -> tuple[list[list[Vertex]], list[list[Vertex]]]:
    """The columns with one extra vertex per layer that an edge passes, and each edge as its chain of vertices."""
    columns: list[list[Vertex]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for label in labels:
        columns[layers[label]].append(label)
    chains: list[list[Vertex]] = []
    for label in labels:
        for parent in parents[label]:
            bends: list[Vertex] = [(parent, layer) for layer in range(layers[parent] + 1, layers[label])]
            for layer, bend in enumerate(bends, start=layers[parent] + 1):
                # Long edges from one statement share their way, as one trunk.
                if bend not in columns[layer]:
                    columns[layer].append(bend)
            chains.append([parent, *bends, label])
    return columns, chains


def _neighbours(
    chains: Sequence[Sequence[Vertex]],
) -> tuple[dict[Vertex, list[Vertex]], dict[Vertex, list[Vertex]]]:
    before: dict[Vertex, list[Vertex]] = {}
    after: dict[Vertex, list[Vertex]] = {}
    for chain in chains:
        for left, right in pairwise(chain):
            after.setdefault(left, []).append(right)
            before.setdefault(right, []).append(left)
    return before, after


def _uncrossed(columns: list[list[Vertex]], chains: Sequence[Sequence[Vertex]]) -> list[list[Vertex]]:
    before, after = _neighbours(chains)
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        beside = before if forward else after
        order = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
        for index in order:
            _sort_by_barycentre(columns[index], columns[index - 1 if forward else index + 1], beside)
        count = _crossings(columns, after)
        if count < fewest:
            best, fewest = [list(column) for column in columns], count
    return best


def _sort_by_barycentre(
    column: list[Vertex], reference: Sequence[Vertex], beside: Mapping[Vertex, Sequence[Vertex]]
) -> None:
    """Sort a column in place by the mean rank of each vertex's neighbours in the reference column."""
    place = {vertex: rank for rank, vertex in enumerate(reference)}
    scale = len(reference) / max(len(column), 1)
    means: dict[Vertex, float] = {}
    for own, vertex in enumerate(column):
        ranks = [place[other] for other in beside.get(vertex, ())]
        means[vertex] = sum(ranks) / len(ranks) if ranks else own * scale
    column.sort(key=means.__getitem__)


def _crossings(columns: Sequence[Sequence[Vertex]], after: Mapping[Vertex, Sequence[Vertex]]) -> int:
    total = 0
    for left, right in pairwise(columns):
        place = {vertex: rank for rank, vertex in enumerate(right)}
        ends = [sorted(place[other] for other in after.get(vertex, ())) for vertex in left]
        flat = [end for group in ends for end in group]
        total += sum(a > b for i, a in enumerate(flat) for b in flat[i + 1 :])
    return total


def _size(vertex: Vertex) -> float:
    return NODE_HEIGHT if isinstance(vertex, str) else _BEND_HEIGHT


def _heights(columns: Sequence[Sequence[Vertex]], chains: Sequence[Sequence[Vertex]]) -> dict[Vertex, float]:
    """The top of each vertex: near the middle of its neighbours, in order, without overlap."""
    before, after = _neighbours(chains)
    middle: dict[Vertex, float] = {}
    for column in columns:
        at = 0.0
        for vertex in column:
            middle[vertex] = at + _size(vertex) / 2
            at += _size(vertex) + ROW_GAP
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else list(reversed(columns)):
            wanted = []
            for vertex in column:
                others = [middle[other] for other in (*before.get(vertex, ()), *after.get(vertex, ()))]
                wanted.append(sum(others) / len(others) if others else middle[vertex])
            middle.update(zip(column, _in_order(column, wanted), strict=True))
    return _without_empty_bands({vertex: middle[vertex] - _size(vertex) / 2 for vertex in middle})


def _without_empty_bands(tops: Mapping[Vertex, float]) -> dict[Vertex, float]:
    """The tops from the margin on, with bands closed in which no column has anything."""
    moved: dict[Vertex, float] = {}
    reached, shift = 0.0, 0.0
    for index, vertex in enumerate(sorted(tops, key=tops.__getitem__)):
        top = tops[vertex]
        if index == 0:
            shift = MARGIN - top
        elif top > reached + 2 * ROW_GAP:
            shift -= top - reached - 2 * ROW_GAP
        moved[vertex] = top + shift
        reached = max(reached, top + _size(vertex)) if index else top + _size(vertex)
    return moved


def _in_order(column: Sequence[Vertex], wanted: Sequence[float]) -> list[float]:
    """The closest middles to ``wanted`` in least squares that keep the order and the gaps of the column."""
    offsets, at = [], 0.0
    for index, vertex in enumerate(column):
        at += _size(vertex) / 2 + (ROW_GAP + _size(column[index - 1]) / 2 if index else 0.0)
        offsets.append(at)
    pools: list[tuple[float, int]] = []
    for goal, offset in zip(wanted, offsets, strict=True):
        pool = (goal - offset, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, count = pools.pop()
            pool = ((mean * count + pool[0] * pool[1]) / (count + pool[1]), count + pool[1])
        pools.append(pool)
    shifts = [mean for mean, count in pools for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]


def _path(chain: Sequence[Vertex], layers: Mapping[str, int], heights: Mapping[Vertex, float]) -> str:
    """A smooth curve from the right side of the first box to the left side of the last."""
    first = layers[str(chain[0])]
    points = [(_left(first) + NODE_WIDTH, heights[chain[0]] + NODE_HEIGHT / 2)]
    for layer, bend in enumerate(chain[1:-1], start=first + 1):
        level = heights[bend] + _BEND_HEIGHT / 2
        points += [(_left(layer), level), (_left(layer) + NODE_WIDTH, level)]
    # The arrow's head takes the last pixels before the box.
    points.append((_left(layers[str(chain[-1])]) - 7, heights[chain[-1]] + NODE_HEIGHT / 2))
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (right, level) in pairwise(points):
        bend_x = (right - x) / 2
        text += f"C{x + bend_x:.1f} {y:.1f} {right - bend_x:.1f} {level:.1f} {right:.1f} {level:.1f}"
    return text
