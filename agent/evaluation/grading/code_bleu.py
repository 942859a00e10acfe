"""CodeBLEU (Ren et al. 2020) of Java, as CodeXGLUE's evaluator computes it.

Tokens by BLEU, tokens weighed by whether they are keywords, subtrees of the syntax, and the flow of
data, a quarter each. Syntax needs tree-sitter's grammar of Java (the extra `evaluate`). The
reference pins a grammar of 2020; on newer ones trees differ, so that the two syntactic parts agree
closely and not to the last digit.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.evaluation.grading.bleu import corpus_bleu, weighted_bleu
from agent.evaluation.grading.java_dataflow import data_flow, matched

_KEYWORDS = """
    abstract assert boolean break byte case catch char class const continue default do double else
    enum extends final finally float for goto if implements import instanceof int interface long
    native new package private protected public return short static strictfp super switch
    synchronized this throw throws transient try void volatile while
"""
KEYWORDS = frozenset(_KEYWORDS.split())
OTHER_WEIGHT = 0.2
_COMMENT = re.compile(
    r"//.*?$|/\*.*?\*/|'(?:\\.|[^\\'])*'|\"(?:\\.|[^\\\"])*\"", re.DOTALL | re.MULTILINE
)


class GrammarMissing(Exception):
    """The extra `evaluate` is not installed."""


@dataclass(frozen=True, kw_only=True)
class CodeBleu:
    """The four parts, from 0 to 1."""

    ngram: float
    weighted: float
    syntax: float
    data_flow: float

    @property
    def whole(self) -> float:
        return (self.ngram + self.weighted + self.syntax + self.data_flow) / 4


def code_bleu(references: Sequence[str], answers: Sequence[str]) -> CodeBleu:
    """Of a corpus with one reference each. Raises GrammarMissing."""
    parser = _java_parser()
    pairs = list(zip(references, answers, strict=True))
    targets, outputs = [r.split() for r in references], [a.split() for a in answers]
    syntax, flow = [0, 0], [0, 0]
    for reference, answer in pairs:
        target, output = _without_comments(reference), _without_comments(answer)
        trees = [parser.parse(code.encode()).root_node for code in (target, output)]
        _count(syntax, *(list(_subtrees(tree)) for tree in trees))
        flows = [data_flow(t, c.encode()) for t, c in zip(trees, (target, output), strict=True)]
        flow[0] += matched(*flows)
        flow[1] += len(flows[0])
    return CodeBleu(
        ngram=corpus_bleu(targets, outputs),
        weighted=weighted_bleu(targets, outputs, lambda t: 1.0 if t in KEYWORDS else OTHER_WEIGHT),
        syntax=syntax[0] / max(1, syntax[1]),
        data_flow=flow[0] / max(1, flow[1]),
    )


def _count(totals: list[int], reference: Sequence[str], answer: Sequence[str]) -> None:
    there = frozenset(answer)
    totals[0] += sum(subtree in there for subtree in reference)
    totals[1] += len(reference)


def _subtrees(root: Any) -> Iterator[str]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield str(node)
        stack += [child for child in node.children if child.children]


def _without_comments(code: str) -> str:
    text = _COMMENT.sub(lambda match: " " if match[0].startswith("/") else match[0], code)
    return "\n".join(line for line in text.split("\n") if line.strip())


def _java_parser() -> Any:
    try:
        tree_sitter = importlib.import_module("tree_sitter")
        grammar = importlib.import_module("tree_sitter_java")
    except ImportError as error:
        raise GrammarMissing(f"{error.name} is not installed") from error
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))
