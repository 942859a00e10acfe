"""A test out of the issue's own examples: no model is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.records import GeneratedTest
from agent.reproduction.confirmation import ReproductionBase, objection_to, short_name, stable
from agent.reproduction.examples import Claim, Example
from sandbox.runners.base import TestResult

AUTHOR = "the issue's examples"


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The test made from an issue with its results, or why none was made."""

    test: GeneratedTest | None
    results: Mapping[str, TestResult]
    """Test id → how it failed on the base."""
    why_not: str = ""
    """One clause for people when there is no test."""


def test_of_issue(base: ReproductionBase) -> Reproduction:
    """Make a test of each example, run all on the base, and keep those that fail as stated, in
    two fresh sessions, on lines of the project."""
    testable = base.language.examples(base.statement)
    if not testable:
        return _no_test("the issue holds no example together with the result it should have")
    text, names = base.language.test_text(testable)
    results = base.run(text, names)
    ends = [(example, results.get(name)) for example, name in zip(testable, names, strict=True)]
    failures = {
        example: r for example, r in ends if r is not None and not _objection(example, r, base)
    }
    failures = _without_contradictions(failures)
    if not failures:
        first = _objection(*ends[0], base) or "contradicts another"
        return _no_test(f"no example in the issue shows it ({testable[0].sentence}: it {first})")
    return _final_test(failures, base)


test_of_issue.__test__ = False  # type: ignore[attr-defined]


def _final_test(failures: Mapping[Example, TestResult], base: ReproductionBase) -> Reproduction:
    """The final file, run once more. `failures` is each example with its first failure."""
    failing_examples = list(failures)
    text, names = base.language.test_text(failing_examples)
    second_results = base.run(text, names)
    related_tests = base.touching(text, names)
    for example, name in zip(failing_examples, names, strict=True):
        if not stable(failures[example], second_results.get(name)):
            return _no_test(f"what the issue shows fails only sometimes ({example.sentence})")
        if name not in related_tests:
            return _no_test(
                f"the issue's example runs none of the project's code ({example.sentence})"
            )
    test = GeneratedTest(
        path=base.place.path,
        text=text,
        test_ids=tuple(base.place.id_of(name) for name in names),
        author=AUTHOR,
        claims=tuple(example.sentence for example in failing_examples),
    )
    return Reproduction(
        test=test, results={base.place.id_of(name): second_results[name] for name in names}
    )


def _objection(example: Example, result: TestResult | None, base: ReproductionBase) -> str:
    objection = objection_to(result, base.statement)
    if objection or result is None:
        return objection
    exception_name = example.stated.rpartition(".")[2]
    if example.claim is Claim.NO_ERROR and short_name(result) != exception_name:
        return f"fails with {short_name(result)}, not with the {exception_name} of the statement"
    return ""


def _without_contradictions(failures: Mapping[Example, TestResult]) -> dict[Example, TestResult]:
    """Of two examples that state different outcomes of the same code neither can be believed."""
    claims: dict[tuple[str, ...], set[tuple[Claim, str]]] = {}
    for example in failures:
        claims.setdefault(_code(example), set()).add((example.claim, example.stated))
    return {
        example: result for example, result in failures.items() if len(claims[_code(example)]) == 1
    }


def _code(example: Example) -> tuple[str, ...]:
    return (*example.setup.split(), "", *example.code.split())


def _no_test(reason: str) -> Reproduction:
    return Reproduction(test=None, results={}, why_not=reason)
