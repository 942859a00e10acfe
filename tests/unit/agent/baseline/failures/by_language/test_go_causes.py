from __future__ import annotations

import pytest

from agent.baseline.failures.by_language.go_causes import GoCauses
from agent.baseline.failures.environment_failures import Cause

CAUSES = GoCauses(lambda path: path.endswith("_test.go"), ("example.com/calc",))


@pytest.mark.parametrize(
    ("text", "cause", "words"),
    [
        (
            "a.go:3:8: no required module provides package github.com/x/y; to add it:\n\tgo get",
            Cause.MISSING_MODULE,
            "github.com/x/y",
        ),
        (
            "a.go:3:8: missing go.sum entry for module providing package github.com/x/y",
            Cause.MISSING_MODULE,
            "go mod tidy",
        ),
        ("go: go.mod requires go >= 1.30 (running go 1.27)", Cause.MISSING_PROGRAM, "Go 1.30"),
        ('exec: "protoc": executable file not found in $PATH', Cause.MISSING_PROGRAM, "protoc"),
        (
            "# x\na_test.go:5:1: syntax error: unexpected }, expected name",
            Cause.BROKEN_TEST,
            "a_test.go does not parse, line 5",
        ),
        (
            "# x\nb/a_test.go:3:25: missing ',' in parameter list",
            Cause.BROKEN_TEST,
            "b/a_test.go does not parse, line 3",
        ),
    ],
)
def test_what_is_no_fault_of_the_code(text: str, cause: Cause, words: str) -> None:
    failure = CAUSES.of_collection("a_test.go", text)
    assert failure is not None
    assert failure.cause is cause
    assert words in failure.sentence


@pytest.mark.parametrize(
    "text",
    [
        "# x\na_test.go:5:1: undefined: Total",
        "# x\ncalc.go:5:1: syntax error: unexpected }",
        "a.go:3:8: no required module provides package example.com/calc/gone; to add it:",
        "panic: nothing here",
    ],
)
def test_what_the_code_itself_lacks(text: str) -> None:
    assert CAUSES.of_collection("a_test.go", text) is None
