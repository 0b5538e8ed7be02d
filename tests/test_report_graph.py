"""The layered drawing of the graph of statements: nothing overlaps, every arrow points right."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgro_theory.report.html_graph import NODE_HEIGHT, NODE_WIDTH, below, carrying, lay_out


@st.composite
def graphs(draw):
    count = draw(st.integers(0, 14))
    labels = [f"room.claim_{i}" for i in range(count)]
    depends = {}
    for i, label in enumerate(labels):
        depends[label] = draw(st.lists(st.sampled_from(labels[:i]), max_size=4)) if i else []
    return draw(st.permutations(labels)), depends


@given(graphs())
def test_every_connected_statement_and_every_dependency_is_drawn_once(graph):
    labels, depends = graph
    layout = lay_out(labels, depends)
    connected = {each for label in labels for parent in depends[label] for each in (parent, label)}
    assert sorted(node.label for node in layout.nodes) == sorted(connected)
    drawn = sorted((edge.source, edge.target) for edge in layout.edges)
    assert drawn == sorted({(parent, label) for label in labels for parent in depends[label]})


@given(graphs())
def test_boxes_do_not_overlap_and_lie_inside(graph):
    layout = lay_out(*graph)
    for i, one in enumerate(layout.nodes):
        assert one.x >= 0
        assert one.x + NODE_WIDTH <= layout.width
        assert one.y >= -1e-6
        assert one.y + NODE_HEIGHT <= layout.height
        for other in layout.nodes[i + 1 :]:
            apart_x = abs(one.x - other.x) >= NODE_WIDTH
            assert apart_x or abs(one.y - other.y) >= NODE_HEIGHT, (one, other)


@given(graphs())
def test_arrows_run_from_the_right_side_of_one_box_to_the_left_side_of_the_other(graph):
    layout = lay_out(*graph)
    place = {node.label: node for node in layout.nodes}
    for edge in layout.edges:
        source, target = place[edge.source], place[edge.target]
        assert source.x + NODE_WIDTH < target.x
        numbers = [float(number) for number in re.findall(r"-?\d+\.\d", edge.path)]
        assert numbers[0] == pytest.approx(source.x + NODE_WIDTH, abs=0.06)
        assert numbers[1] == pytest.approx(source.y + NODE_HEIGHT / 2, abs=0.06)
        assert 0 < target.x - numbers[-2] < 10
        assert numbers[-1] == pytest.approx(target.y + NODE_HEIGHT / 2, abs=0.06)


def test_a_chain_and_a_shortcut_do_not_cross_a_box():
    layout = lay_out(["r.a", "r.b", "r.c"], {"r.b": ["r.a"], "r.c": ["r.a", "r.b"]})
    middle = next(node for node in layout.nodes if node.label == "r.b")
    long = next(edge for edge in layout.edges if (edge.source, edge.target) == ("r.a", "r.c"))
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d", long.path)]
    level = numbers[7]
    assert not middle.y - 1 <= level <= middle.y + NODE_HEIGHT + 1


@given(graphs())
def test_no_band_of_the_drawing_is_empty(graph):
    layout = lay_out(*graph)
    reached = 0.0
    for top in sorted(node.y for node in layout.nodes):
        # Bends of edges may pass between two boxes; each is 6 high and needs its own gaps.
        assert top - reached <= 40 + 19 * len(layout.edges)
        reached = max(reached, top + NODE_HEIGHT)


def test_parts_without_a_common_edge_stand_close():
    labels = [f"r.{name}" for name in "abcdefgh"]
    layout = lay_out(labels, {"r.b": ["r.a"], "r.d": ["r.c"], "r.f": ["r.e"], "r.h": ["r.g"]})
    assert layout.height <= 4 * NODE_HEIGHT + 5 * 24


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="circle"):
        lay_out(["r.a", "r.b"], {"r.a": ["r.b"], "r.b": ["r.a"]})


@given(graphs())
def test_a_theorem_is_reached_from_all_that_carries_it(graph):
    """The arrows that are kept lead to the same statements as all of them."""
    labels, depends = graph
    claims = labels[::2]
    kept = carrying(claims, depends)
    assert set(kept) <= set(claims) <= set(kept) | below(kept, depends)
    assert not set(kept) & below(kept, depends)
