"""Where the values of variables come from in a piece of Java, as CodeBLEU sees it.

A port of `DFG_java` and `get_data_flow` of CodeXGLUE's evaluator, on tree-sitter's present grammar;
where the reference leaves an order to chance (it goes through sets), this one takes the order of
the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Node = Any
_STRINGS = frozenset({"string_literal", "string", "character_literal"})
COMES, COMPUTED = "comesFrom", "computedFrom"
MAX_STEPS = 50_000
"""Loops are followed twice, and loops in them twice each time: a hundred of them have no end."""
States = dict[str, list[int]]
Span = tuple[tuple[int, int], tuple[int, int]]


class Edge(NamedTuple):
    """The value of a token, and those that it comes from."""

    name: str
    place: int
    """Which token it is, in the order of the text."""
    relation: str
    names: tuple[str, ...]
    places: tuple[int, ...]


Normal = tuple[str, str, tuple[str, ...]]


def data_flow(root: Node, code: bytes) -> list[Normal]:
    """The edges with variables renamed by their order, as they are compared."""
    flow = _Flow(root, code)
    try:
        edges, _ = flow.of(root, {})
    except (KeyError, AttributeError, RecursionError):  # as the reference: code that is no Java
        edges = []
    except _TooManySteps:
        edges = []
    return _normalized(_merged(_connected(sorted(edges, key=lambda edge: edge.place))))


class _TooManySteps(Exception):
    """Whoever answered nests more loops than can be followed."""


class _Flow:
    def __init__(self, root: Node, code: bytes) -> None:
        self._steps = 0
        self._tokens = {
            (node.start_point, node.end_point): (number, code[node.start_byte : node.end_byte])
            for number, node in enumerate(_leaves(root))
        }

    def of(self, node: Node, states: States) -> tuple[list[Edge], States]:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _TooManySteps
        states = dict(states)
        kind = node.type
        if _is_leaf(node):
            return self._leaf(node, states)
        if kind == "variable_declarator":
            return self._declaration(node, states)
        if kind == "assignment_expression":
            return self._assignment(node, states)
        if kind == "update_expression":
            tokens = self._variables(node)
            return _linked(tokens, tokens, COMPUTED, states), states
        if kind in ("if_statement", "else"):
            return self._branches(node, states)
        if kind == "for_statement":
            return self._for(node, states)
        if kind == "enhanced_for_statement":
            return self._for_each(node, states)
        if kind == "while_statement":
            edges: list[Edge] = []
            for _ in range(2):
                states = self._children(node.children, states, edges)
            return _united(edges), states
        edges = []
        states = self._children(node.children, states, edges)
        return edges, states

    def _children(self, nodes: Iterable[Node], states: States, edges: list[Edge]) -> States:
        for child in nodes:
            child_edges, states = self.of(child, states)
            edges += child_edges
        return states

    def _leaf(self, node: Node, states: States) -> tuple[list[Edge], States]:
        place, name = self._token(node)
        if node.type == name or node.type == "comment":
            return [], states
        if name in states:
            return [Edge(name, place, COMES, (name,), tuple(states[name]))], states
        if node.type == "identifier":
            states[name] = [place]
        return [Edge(name, place, COMES, (), ())], states

    def _declaration(self, node: Node, states: States) -> tuple[list[Edge], States]:
        names = self._variables(node.child_by_field_name("name"))
        value = node.child_by_field_name("value")
        if value is None:
            for place, name in names:
                states[name] = [place]
            return [Edge(name, place, COMES, (), ()) for place, name in names], states
        values = self._variables(value)
        edges, states = self.of(value, states)
        return edges + _linked(names, values, COMES, states), states

    def _assignment(self, node: Node, states: States) -> tuple[list[Edge], States]:
        right = node.child_by_field_name("right")
        edges, states = self.of(right, states)
        names = self._variables(node.child_by_field_name("left"))
        return edges + _linked(names, self._variables(right), COMPUTED, states), states

    def _branches(self, node: Node, states: States) -> tuple[list[Edge], States]:
        """What follows the first nested `if` or `else` is a way of its own."""
        edges: list[Edge] = []
        ends: list[States] = []
        current, apart, has_else = dict(states), False, "else" in node.type
        for child in node.children:
            has_else |= "else" in child.type
            if child.type not in ("if_statement", "else") and not apart:
                child_edges, current = self.of(child, current)
            else:
                apart = True
                child_edges, end = self.of(child, states)
                ends.append(end)
            edges += child_edges
        ends += [current] if has_else else [current, states]
        return edges, _joined(ends)

    def _for(self, node: Node, states: States) -> tuple[list[Edge], States]:
        edges: list[Edge] = []
        states = self._children(node.children, states, edges)
        kinds = [child.type for child in node.children]
        if "local_variable_declaration" in kinds:
            after = kinds.index("local_variable_declaration") + 1
            again = [c for c in node.children[after:] if c.type != "local_variable_declaration"]
            states = self._children(again, states, edges)
        return _united(edges), states

    def _for_each(self, node: Node, states: States) -> tuple[list[Edge], States]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        edges: list[Edge] = []
        for _ in range(2):
            value_edges, states = self.of(value, states)
            edges += value_edges
            edges += _linked(self._variables(name), self._variables(value), COMPUTED, states)
            states = self._children([node.child_by_field_name("body")], states, edges)
        return _united(edges), states

    def _variables(self, node: Node) -> list[tuple[int, str]]:
        """Tokens below that are not what the grammar calls them: names and values."""
        tokens = ((leaf, self._token(leaf)) for leaf in _leaves(node))
        return [token for leaf, token in tokens if leaf.type != token[1]]

    def _token(self, node: Node) -> tuple[int, str]:
        number, text = self._tokens[node.start_point, node.end_point]
        return number, text.decode("utf-8", "replace")


def _linked(
    names: Sequence[tuple[int, str]],
    values: Sequence[tuple[int, str]],
    relation: str,
    states: States,
) -> list[Edge]:
    edges = []
    for place, name in names:
        edges += [Edge(name, place, relation, (value,), (at,)) for at, value in values]
        states[name] = [place]
    return sorted(edges, key=lambda edge: edge.place)


def _is_leaf(node: Node) -> bool:
    return (not node.children or node.type in _STRINGS) and node.type != "comment"


def _leaves(node: Node) -> Iterable[Node]:
    if _is_leaf(node):
        yield node
        return
    for child in node.children:
        yield from _leaves(child)


def _joined(ends: Sequence[States]) -> States:
    states: States = {}
    for end in ends:
        for name, places in end.items():
            states[name] = sorted({*states.get(name, ()), *places})
    return states


def _united(edges: Sequence[Edge]) -> list[Edge]:
    """Edges of one token and relation as one."""
    union: dict[tuple[str, int, str], Edge] = {}
    for edge in edges:
        old = union.get(edge[:3], edge)
        names = tuple(dict.fromkeys((*old.names, *edge.names)))
        union[edge[:3]] = Edge(*edge[:3], names, tuple(sorted({*old.places, *edge.places})))
    return sorted(union.values(), key=lambda edge: edge.place)


def _connected(edges: Sequence[Edge]) -> list[Edge]:
    """Without tokens whose value comes from nowhere and goes nowhere."""
    places = {edge.place for edge in edges if edge.places}
    places.update(place for edge in edges for place in edge.places)
    return [edge for edge in edges if edge.place in places]


def _merged(edges: Sequence[Edge]) -> list[Edge]:
    """One edge for each token."""
    token_edges: dict[int, Edge] = {}
    for edge in edges:
        old = token_edges.get(edge.place)
        if old is None:
            token_edges[edge.place] = edge
            continue
        names = tuple(dict.fromkeys((*old.names, *edge.names)))
        token_edges[edge.place] = Edge(*old[:3], names, tuple({*old.places, *edge.places}))
    return list(token_edges.values())


def _normalized(edges: Sequence[Edge]) -> list[Normal]:
    new_names: dict[str, str] = {}
    for edge in edges:
        for name in (*edge.names, edge.name):
            new_names.setdefault(name, f"var_{len(new_names)}")
    return [
        (new_names[edge.name], edge.relation, tuple(new_names[name] for name in edge.names))
        for edge in edges
    ]


def matched(reference: Sequence[Normal], answer: Sequence[Normal]) -> int:
    """How many edges of the reference the answer has, each counted once."""
    return sum((Counter(reference) & Counter(answer)).values())
