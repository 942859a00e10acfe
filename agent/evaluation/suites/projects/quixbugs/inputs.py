"""Inputs for the QuixBugs programs that no search has seen, made within each precondition.

Each generator takes a seeded random source and returns the argument list as plain data (graphs
as numbers and edges); the guest program turns it into what the program takes. Preconditions are
those of the programs' own descriptions.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Arguments = list[Any]


def ints(source: Random, most: int, low: int = -20, high: int = 20, least: int = 0) -> list[int]:
    return [source.randint(low, high) for _ in range(source.randint(least, most))]


def unique_ints(source: Random, most: int, least: int = 0) -> list[int]:
    return source.sample(range(-30, 60), source.randint(least, most))


def text(source: Random, most: int, letters: str = "abc") -> str:
    return "".join(source.choice(letters) for _ in range(source.randint(0, most)))


def bitcount(source: Random) -> Arguments:
    return [source.getrandbits(source.choice((3, 8, 16, 64)))]


def digraph(source: Random) -> Arguments:
    """Successors of each node, a start and a goal."""
    count = source.randint(1, 8)
    density = source.choice((0.1, 0.25, 0.5))
    successors = [
        [other for other in range(count) if source.random() < density] for _ in range(count)
    ]
    return [successors, source.randrange(count), source.randrange(count)]


def bucketsort(source: Random) -> Arguments:
    bound = source.randint(1, 30)
    return [ints(source, 15, 0, bound - 1), bound]


def detect_cycle(source: Random) -> Arguments:
    """Length of a linked list, and where its last node points back to (None: it ends)."""
    count = source.randint(1, 25)
    return [count, source.choice((None, source.randrange(count)))]


def sorted_search(source: Random) -> Arguments:
    values = sorted(ints(source, 12, 0, 25))
    return [values, source.randint(-1, 26)]


def nested(source: Random, depth: int = 3) -> list[Any]:
    return [
        nested(source, depth - 1)
        if depth and source.random() < 0.35
        else source.choice((source.randint(-9, 99), text(source, 3), None, 1.5))
        for _ in range(source.randint(0, 4))
    ]


def flatten(source: Random) -> Arguments:
    return [nested(source)]


def gcd(source: Random) -> Arguments:
    scale = source.choice((1, 1, 7, 36, 1000))
    return [source.randint(0, 300) * scale, source.randint(0, 300) * scale]


def get_factors(source: Random) -> Arguments:
    small = source.randint(1, 3000)
    product = source.choice((2, 3, 5, 49, 121)) * source.choice((2, 9, 13, 17, 101, 103))
    return [source.choice((small, product, product * source.randint(1, 30)))]


def hanoi(source: Random) -> Arguments:
    return [source.randint(0, 8), source.randint(1, 3), source.randint(1, 3)]


def parentheses(source: Random) -> Arguments:
    return [text(source, 12, "()")]


def kheapsort(source: Random) -> Arguments:
    values = sorted(unique_ints(source, 14))
    reach = source.randint(0, 6)
    keyed = sorted(enumerate(values), key=lambda pair: pair[0] + source.random() * (reach + 0.5))
    shuffled = [value for _, value in keyed]
    moved = [abs(place - values.index(value)) for place, value in enumerate(shuffled)]
    return [shuffled, max([reach, *moved])]


def knapsack(source: Random) -> Arguments:
    items = [[source.randint(1, 20), source.randint(0, 40)] for _ in range(source.randint(0, 7))]
    return [source.randint(0, 60), items]


def kth(source: Random) -> Arguments:
    values = ints(source, 12, least=1)
    return [values, source.randrange(len(values))]


def two_texts(source: Random) -> Arguments:
    letters = source.choice(("ab", "abc", "abcdef"))
    return [text(source, 6, letters), text(source, 6, letters)]


def lis(source: Random) -> Arguments:
    return [unique_ints(source, 12)]


def any_ints(source: Random) -> Arguments:
    return [ints(source, 14)]


def minimum_spanning_tree(source: Random) -> Arguments:
    """Edges of a connected undirected graph with their weights."""
    count = source.randint(1, 8)
    nodes = source.sample(range(20), count)
    pairs = [(nodes[source.randrange(place)], nodes[place]) for place in range(1, count)]
    pairs += [
        (low, high) for low in nodes for high in nodes if low < high and source.random() < 0.3
    ]
    edges = {tuple(source.sample(pair, 2)) if source.random() < 0.5 else pair for pair in pairs}
    once = {frozenset(edge): edge for edge in sorted(edges)}
    spread = source.choice((5, 1000))
    return [[[*edge, source.randint(1, spread)] for edge in once.values()]]


def next_palindrome(source: Random) -> Arguments:
    length = source.randint(1, 9)
    half = [source.choice((0, 1, 4, 8, 9, 9, 9)) for _ in range((length + 1) // 2)]
    half[0] = half[0] or 9
    return [half + half[: length // 2][::-1]]


def next_permutation(source: Random) -> Arguments:
    values = unique_ints(source, 8, least=2)
    if values == sorted(values, reverse=True):
        values.reverse()
    return [values]


def pascal(source: Random) -> Arguments:
    return [source.randint(1, 60)]


def possible_change(source: Random) -> Arguments:
    coins = source.sample(range(1, 30), source.randint(0, 4))
    return [coins, source.randint(-5, 40)]


def powerset(source: Random) -> Arguments:
    return [source.sample(["a", "b", "c", "d", "e", "f", 1, 2, 3], source.randint(0, 7))]


def reverse_linked_list(source: Random) -> Arguments:
    """Length of the list; 0 is no node at all."""
    return [source.randint(0, 400)]


def rpn_tokens(source: Random, depth: int) -> list[Any]:
    if depth == 0 or source.random() < 0.2:
        return [float(source.randint(-9, 30))]
    sides = rpn_tokens(source, depth - 1) + rpn_tokens(source, depth - 1)
    return [*sides, source.choice("+-*/")]


def rpn_eval(source: Random) -> Arguments:
    return [rpn_tokens(source, 4)]


def shortest_path_length(source: Random) -> Arguments:
    """Edges with positive lengths, no two paths of equal length (nodes cannot be ordered)."""
    successors, start, goal = digraph(source)
    edges = [
        [node, other, source.randint(1, 10**6)]
        for node, others in enumerate(successors)
        for other in others
        if other != node
    ]
    return [len(successors), edges, start, goal]


def edges_without_negative_cycle(source: Random, count: int) -> list[list[int]]:
    level = [source.randint(-6, 6) for _ in range(count)]
    return [
        [node, other, source.randint(0, 9) + level[node] - level[other]]
        for node in range(count)
        for other in range(count)
        if node != other and source.random() < 0.4
    ]


def shortest_path_lengths(source: Random) -> Arguments:
    count = source.randint(1, 7)
    return [count, edges_without_negative_cycle(source, count)]


def shortest_paths(source: Random) -> Arguments:
    count = source.randint(2, 7)
    edges = edges_without_negative_cycle(source, count)
    start = source.randrange(count)
    entered = {start, *(edge[1] for edge in edges)}
    # A node that nothing enters, and that is not the source, is no part of the program's table.
    kept = [edge for edge in edges if edge[0] in entered]
    while {edge[0] for edge in kept} - {start, *(edge[1] for edge in kept)}:
        entered = {start, *(edge[1] for edge in kept)}
        kept = [edge for edge in kept if edge[0] in entered]
    source.shuffle(kept)
    return [start, kept]


def shunting_yard(source: Random) -> Arguments:
    tokens: list[Any] = []
    for _ in range(source.randint(0, 7)):
        tokens += [source.randint(0, 50), source.choice("+-*/")]
    return [tokens[:-1]]


def sieve(source: Random) -> Arguments:
    return [source.randint(1, 900)]


def sqrt(source: Random) -> Arguments:
    value = source.choice((source.randint(1, 60), source.uniform(1, 9), source.uniform(1, 2000)))
    return [value, source.choice((0.5, 0.3, 0.1, 0.01, 0.001))]


def subsequences(source: Random) -> Arguments:
    low = source.randint(-5, 6)
    return [low, low + source.randint(-2, 8), source.randint(1, 5)]


def to_base(source: Random) -> Arguments:
    return [source.randint(1, source.choice((40, 5000, 10**9))), source.randint(2, 36)]


def topological_ordering(source: Random) -> Arguments:
    """Node values in the order given, and the edges of an acyclic graph between them."""
    count = source.randint(0, 8)
    order = source.sample(range(count), count)
    density = source.choice((0.15, 0.35, 0.6))
    edges = [
        [order[first], order[second]]
        for first in range(count)
        for second in range(first + 1, count)
        if source.random() < density
    ]
    return [count, edges]


def wrap(source: Random) -> Arguments:
    words = [text(source, 7, "abcdef.,") + "x" for _ in range(source.randint(0, 14))]
    longest = max(map(len, words), default=0)
    # A word longer than a line after the first never ends, in the correct version too.
    return [" ".join(words), longest + source.randint(1, 12)]


GENERATORS: dict[str, Callable[[Random], Arguments]] = {
    "bitcount": bitcount,
    "breadth_first_search": digraph,
    "bucketsort": bucketsort,
    "depth_first_search": digraph,
    "detect_cycle": detect_cycle,
    "find_first_in_sorted": sorted_search,
    "find_in_sorted": sorted_search,
    "flatten": flatten,
    "gcd": gcd,
    "get_factors": get_factors,
    "hanoi": hanoi,
    "is_valid_parenthesization": parentheses,
    "kheapsort": kheapsort,
    "knapsack": knapsack,
    "kth": kth,
    "lcs_length": two_texts,
    "levenshtein": two_texts,
    "lis": lis,
    "longest_common_subsequence": two_texts,
    "max_sublist_sum": any_ints,
    "mergesort": any_ints,
    "minimum_spanning_tree": minimum_spanning_tree,
    "next_palindrome": next_palindrome,
    "next_permutation": next_permutation,
    "pascal": pascal,
    "possible_change": possible_change,
    "powerset": powerset,
    "quicksort": any_ints,
    "reverse_linked_list": reverse_linked_list,
    "rpn_eval": rpn_eval,
    "shortest_path_length": shortest_path_length,
    "shortest_path_lengths": shortest_path_lengths,
    "shortest_paths": shortest_paths,
    "shunting_yard": shunting_yard,
    "sieve": sieve,
    "sqrt": sqrt,
    "subsequences": subsequences,
    "to_base": to_base,
    "topological_ordering": topological_ordering,
    "wrap": wrap,
}


def inputs(name: str, seed: int, count: int, seen: list[Any]) -> list[Arguments]:
    """Return up to `count` different inputs, none of them in `seen` (those of the tests).

    Fewer where a program has not as many (a small range of one number).
    """
    source = Random(f"{name}:{seed}")  # noqa: S311 (not for secrets)
    kept: dict[str, Arguments] = {}
    known = {repr(value) for value in seen}
    for _ in range(count * 20):
        arguments = GENERATORS[name](source)
        if repr(arguments) not in known:
            kept.setdefault(repr(arguments), arguments)
        if len(kept) == count:
            break
    return list(kept.values())
