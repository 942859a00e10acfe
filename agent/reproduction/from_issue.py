"""A test out of the issue's own examples: no model is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.records import GeneratedTest
from agent.reproduction.confirmation import Ground, objection_to, short_name, stable
from agent.reproduction.examples import Claim, Example
from agent.reproduction.issue_examples import examples
from agent.reproduction.test_writer import can_be_written, test_text
from sandbox.runners.base import TestResult

AUTHOR = "the issue's examples"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the examples of an issue came to."""

    test: GeneratedTest | None
    results: Mapping[str, TestResult]
    """Test id → how it failed on the base."""
    why_not: str = ""
    """One clause for people when there is no test."""


def test_of_issue(ground: Ground, importable: Mapping[str, str]) -> Found:
    """Make a test of each example, run all on the base, and keep those that fail as stated, in
    two fresh sessions, on lines of the project."""
    written = [one for one in examples(ground.statement) if can_be_written(one, importable)]
    if not written:
        return _nothing("the issue holds no example together with the result it should have")
    text, names = test_text(written, importable, as_case=ground.place.as_case)
    results = ground.run(text, names)
    ends = [(one, results.get(name)) for one, name in zip(written, names, strict=True)]
    shown = {one: r for one, r in ends if r is not None and not _objection(one, r, ground)}
    shown = _without_contradictions(shown)
    if not shown:
        first = _objection(*ends[0], ground) or "contradicts another"
        return _nothing(f"no example in the issue shows it ({written[0].sentence}: it {first})")
    return _settled(shown, ground, importable)


test_of_issue.__test__ = False  # type: ignore[attr-defined]


def _settled(
    shown: Mapping[Example, TestResult], ground: Ground, importable: Mapping[str, str]
) -> Found:
    """The final file, run once more. `shown` is each example with its first failure."""
    kept = list(shown)
    text, names = test_text(kept, importable, as_case=ground.place.as_case)
    again = ground.run(text, names)
    touching = ground.touching(text, names)
    for one, name in zip(kept, names, strict=True):
        if not stable(shown[one], again.get(name)):
            return _nothing(f"what the issue shows fails only sometimes ({one.sentence})")
        if name not in touching:
            return _nothing(f"the issue's example runs none of the project's code ({one.sentence})")
    test = GeneratedTest(
        path=ground.place.path,
        text=text,
        test_ids=tuple(ground.place.id_of(name) for name in names),
        author=AUTHOR,
        claims=tuple(one.sentence for one in kept),
    )
    return Found(test=test, results={ground.place.id_of(name): again[name] for name in names})


def _objection(example: Example, result: TestResult | None, ground: Ground) -> str:
    objection = objection_to(result, ground.statement)
    if objection or result is None:
        return objection
    stated = example.stated.rpartition(".")[2]
    if example.claim is Claim.NO_ERROR and short_name(result) != stated:
        return f"fails with {short_name(result)}, not with the {stated} of the statement"
    return ""


def _without_contradictions(shown: Mapping[Example, TestResult]) -> dict[Example, TestResult]:
    """Of two examples that state different outcomes of the same code neither can be believed."""
    stated: dict[tuple[str, ...], set[tuple[Claim, str]]] = {}
    for one in shown:
        stated.setdefault(_code(one), set()).add((one.claim, one.stated))
    return {one: result for one, result in shown.items() if len(stated[_code(one)]) == 1}


def _code(example: Example) -> tuple[str, ...]:
    return (*example.setup.split(), "", *example.code.split())


def _nothing(why: str) -> Found:
    return Found(test=None, results={}, why_not=why)
