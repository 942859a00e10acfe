"""BLEU and CodeBLEU against what CodeXGLUE's own evaluators gave for the same made-up corpus."""

from __future__ import annotations

import pytest

from agent.evaluation.grading.bleu import corpus_bleu, smoothed_bleu, weighted_bleu
from agent.evaluation.grading.code_bleu import KEYWORDS, OTHER_WEIGHT, code_bleu

REFERENCES = [
    "public int METHOD_1 ( int VAR_1 ) { return VAR_1 + 1 ; }",
    "private void METHOD_2 ( ) { if ( VAR_1 != null ) { VAR_1 . METHOD_3 ( ) ; } }",
    "int METHOD_1 ( ) { int VAR_2 = 0 ; for ( int i = 0 ; i < VAR_3 ; i ++ ) { VAR_2 += i ; }"
    " return VAR_2 ; }",
]
ANSWERS = [
    "public int METHOD_1 ( int VAR_1 ) { return VAR_1 ; }",
    "private void METHOD_2 ( ) { VAR_1 . METHOD_3 ( ) ; }",
    "int METHOD_1 ( ) { int VAR_2 = 1 ; for ( int i = 0 ; i < VAR_3 ; i ++ ) { VAR_2 += i ; }"
    " return VAR_2 ; }",
]
# CodeXGLUE: code-refinement/evaluator/bleu.py, and CodeBLEU/ of code-to-code-trans/evaluator
LEADERBOARD = 78.0
NGRAM = 0.7787941429242895
WEIGHTED = 0.7863049945814122
SYNTAX = 0.725
FLOW = 0.42857142857142855
WANTED, GIVEN = [r.split() for r in REFERENCES], [a.split() for a in ANSWERS]


def weight(token: str) -> float:
    return 1.0 if token in KEYWORDS else OTHER_WEIGHT


def test_the_figures_are_those_of_the_reference_implementation() -> None:
    assert smoothed_bleu(WANTED, GIVEN) == pytest.approx(LEADERBOARD, abs=0.005)
    assert corpus_bleu(WANTED, GIVEN) == pytest.approx(NGRAM, abs=1e-9)
    assert weighted_bleu(WANTED, GIVEN, weight) == pytest.approx(WEIGHTED, abs=1e-9)


def test_the_same_is_perfect_and_nothing_is_nothing() -> None:
    assert smoothed_bleu(WANTED, WANTED) == pytest.approx(100)
    assert corpus_bleu(WANTED, WANTED) == pytest.approx(1)
    assert weighted_bleu(WANTED, WANTED, weight) == pytest.approx(1)
    assert smoothed_bleu(WANTED, [[], [], []]) == 0
    assert corpus_bleu(WANTED, [[], [], []]) == 0


def test_syntax_and_data_flow_are_those_of_the_reference_on_this_grammar() -> None:
    pytest.importorskip("tree_sitter_java", reason="the extra `evaluate` is not installed")
    parts = code_bleu(REFERENCES, ANSWERS)
    assert parts.syntax == pytest.approx(SYNTAX, abs=1e-9)
    assert parts.data_flow == pytest.approx(FLOW, abs=1e-9)
    assert code_bleu(REFERENCES, REFERENCES).whole == pytest.approx(1)
