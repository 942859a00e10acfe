from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from agent.localization import loaded_files
from agent.localization.loaded_files import (
    MAX_BODY_CHARACTERS,
    MAX_DEFINITIONS,
    lines_of_failures,
)
from agent.localization.loads import javascript_loads
from agent.localization.spectrum import Spectrum, spectrum
from agent.records import SuspiciousLine
from sandbox.runners.base import Frame, Outcome, TestResult

TEST = "test/url.test.ts"
FILES = {
    TEST: "import { describe, expect, it } from 'vitest';\n"
    "import { joinURL, parseURL } from '../src';\n"
    "\n"
    "describe('urls', () => {\n"
    "  it('joins parts', () => {\n"
    "    expect(joinURL('a', 'b')).toBe('a/b');\n"
    "  });\n"
    "});\n",
    "src/index.ts": "export * from './url';\nexport { other } from './unused.js';\n",
    "src/url.ts": "import { trimmed } from './text';\n"
    "\n"
    "export function parseURL(url: string): string {\n"
    "  return url;\n"
    "}\n"
    "\n"
    "export const joinURL = (...parts: string[]): string => {\n"
    "  return parts.map(trimmed).join('');\n"
    "};\n",
    "src/text.ts": "export class Words {\n"
    "  trimmed(text: string) { return text; }\n"
    "}\n"
    "\n"
    "export function trimmed(text: string): string {\n"
    "  return text.trim();\n"
    "}\n",
    "src/unused.ts": "export const other = 1;\n",
    "src/far.ts": "export const joinURL = 1;\n",
}


def ranked(
    *results: TestResult, files: Mapping[str, str] = FILES, ran: Spectrum | None = None
) -> tuple[SuspiciousLine, ...]:
    def source(path: str) -> str | None:
        return None if path.startswith("test/") else files.get(path)

    return lines_of_failures(results, files.keys(), source, files.get, javascript_loads, (), ran)


def failed(name: str = "joins parts", message: str = "", *frames: tuple[str, int]) -> TestResult:
    return TestResult(
        test_id=f"{TEST}::urls::{name}",
        outcome=Outcome.FAILED,
        message=message,
        frames=tuple(Frame(path=path, line=line, function="") for path, line in frames),
    )


def places(ranking: tuple[SuspiciousLine, ...]) -> list[tuple[str, int]]:
    return [(line.path, line.line) for line in ranking]


def test_what_the_failing_line_names_comes_first_then_what_that_calls() -> None:
    ranking = ranked(failed("joins parts", "", (TEST, 6)))
    assert places(ranking)[:3] == [("src/url.ts", 7), ("src/text.ts", 2), ("src/text.ts", 5)]
    assert [line.reasons for line in ranking[:2]] == [("named by the test",)] * 2
    assert ("src/url.ts", 3) in places(ranking)[3:]


def test_the_name_and_the_message_of_a_test_name_functions_too() -> None:
    assert places(ranked(failed("parseURL keeps it")))[0] == ("src/url.ts", 3)
    message = "TypeError: parseURL is not a function"
    assert places(ranked(failed("keeps it", message)))[0] == ("src/url.ts", 3)
    both = ranked(failed("keeps it", message), failed("joins parts", "", (TEST, 6)))
    assert places(both)[:2] == [("src/url.ts", 7), ("src/url.ts", 3)]


def test_lines_of_the_stack_come_before_all_others() -> None:
    ranking = ranked(failed("joins parts", "", (TEST, 6), ("src/url.ts", 8), ("src/text.ts", 6)))
    assert places(ranking)[:3] == [("src/text.ts", 6), ("src/url.ts", 8), ("src/url.ts", 7)]
    assert ranking[0].reasons == ("traceback",)


def test_a_line_that_passes_on_what_others_define_is_none_of_them() -> None:
    paths = {path for path, _ in places(ranked(failed()))}
    assert paths == {"src/url.ts", "src/text.ts", "src/unused.ts"}


def test_a_frame_beyond_the_end_of_its_file_names_nothing() -> None:
    assert places(ranked(failed("joins parts", "", (TEST, 900), (TEST, 0))))


def test_functions_in_one_another_cost_no_more_than_a_share_of_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The names of 5,000 nested bodies of 200 KB would take gigabytes."""
    read = []

    class Counting:
        @staticmethod
        def findall(text: str) -> list[str]:
            read.append(len(text))
            return text.split()

    monkeypatch.setattr(loaded_files, "_WORD", Counting)
    words = " ".join(f"w{number}" for number in range(5_000))
    nested = "\n".join([f"function a{n}() {{" for n in range(5_000)] + [words] + ["}"] * 5_000)
    files = {TEST: FILES[TEST].replace("../src", "../src/url"), "src/url.ts": nested}
    assert len(ranked(failed(), files=files)) <= MAX_DEFINITIONS
    assert max(read) <= MAX_BODY_CHARACTERS
    assert MAX_DEFINITIONS <= len(read) <= MAX_DEFINITIONS + 10


def test_lines_that_only_the_failing_test_ran_come_before_what_it_names() -> None:
    failing = [{"src/text.ts": [2, 6], TEST: [6]}]
    passing = [{"src/text.ts": [6]}, {"src/text.ts": [6]}]
    ranking = ranked(failed("joins parts", "", (TEST, 6)), ran=spectrum(failing, passing))
    assert places(ranking)[0] == ("src/text.ts", 2)
    assert ranking[0].reasons == ("run by the failing test",)
    assert ranking[0].ochiai == 1.0
    assert ("src/text.ts", 6) in places(ranking)
    assert not any(path == TEST for path, _ in places(ranking))
    # A stack says more than what ran.
    ranking = ranked(failed("joins", "", ("src/url.ts", 8)), ran=spectrum(failing, passing))
    assert places(ranking)[0] == ("src/url.ts", 8)


def test_the_file_at_the_top_that_stands_for_the_package_is_loaded() -> None:
    paths = ("index.js", "lib/a.js", "test/a.test.js")
    for name in ("../", "..", "../index", "../index.js"):
        assert list(javascript_loads("test/a.test.js", f"require('{name}')", paths)) == ["index.js"]
    assert list(javascript_loads("index.js", "export * from './lib/a.js'", paths)) == ["lib/a.js"]


def test_what_only_failing_tests_ran_has_finite_numbers() -> None:
    ran = spectrum([{"src/text.ts": [2, -5, 0, 2**52]}], [])
    ranking = ranked(failed("joins parts", "", (TEST, 6)), ran=ran)
    assert all(math.isfinite(line.dstar) for line in ranking)
    assert {line.line for line in ranking if line.path == "src/text.ts"} <= set(range(1, 8))
