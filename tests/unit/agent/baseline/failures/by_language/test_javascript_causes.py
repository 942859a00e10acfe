"""Which failures of JavaScript's tests are no fault of the code under test."""

from __future__ import annotations

from agent.baseline.failures.by_language.javascript_causes import JavaScriptCauses
from agent.baseline.failures.environment_failures import Cause

CAUSES = JavaScriptCauses(lambda path: path.endswith(".test.js"), "own")


def test_a_package_of_a_workspace_whose_tests_cannot_be_started() -> None:
    """Its package.json stands for it: that is no test which a patch could mend."""
    text = (
        "node:internal/modules/cjs/loader:1228\n"
        "Error: Cannot find module '/repo/packages/c/node_modules/vitest/vitest.mjs'\n    at x"
    )
    failure = CAUSES.of_collection("packages/c/package.json", text)
    assert failure is not None
    assert failure.cause is Cause.CONFIGURATION
    assert failure.sentence.startswith(
        "the tests of packages/c could not be started (Error: Cannot"
    )
    bare = CAUSES.of_collection("packages/c/package.json", "")
    assert bare is not None
    assert bare.sentence == "the tests of packages/c could not be started"


def test_what_the_code_under_test_may_have_done_is_no_cause() -> None:
    assert CAUSES.of_collection("lib/a.test.js", "TypeError: a is not a function") is None
