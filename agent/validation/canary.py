"""Canary tests with random names beside the real ones: one must pass, one must fail."""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sandbox.runners.base import Outcome, TestReport


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A file to put beside a real test file, and what the runner must say of it."""

    path: str
    content: bytes
    must_pass: str
    must_fail: str

    def objections(self, report: TestReport) -> tuple[str, ...]:
        """Why the report cannot be believed; empty when both tests ended as they must."""
        must_pass_result, must_fail_result = (
            report.results.get(self.must_pass),
            report.results.get(self.must_fail),
        )
        objections = []
        if must_fail_result is None or must_fail_result.outcome is not Outcome.FAILED:
            outcome = "missing" if must_fail_result is None else must_fail_result.outcome.value
            objections.append(f"the canary, a test that must fail, is reported as {outcome}")
        if must_pass_result is None or must_pass_result.outcome is not Outcome.PASSED:
            outcome = "missing" if must_pass_result is None else must_pass_result.outcome.value
            objections.append(f"the canary, a test that must pass, is reported as {outcome}")
        return tuple(objections)


def test_file(test_id: str, paths: Collection[str]) -> str | None:
    """The file a test id lies in: `a/test_b.py::test_c`, or dotted `a.test_b.Case.test_c`."""
    path = test_id.partition("::")[0]
    if path in paths:
        return path
    parts = test_id.split(".")
    for count in range(len(parts), 0, -1):
        name = "/".join(parts[:count]) + ".py"
        if name in paths:
            return name
        # A dotted id counts from the folder where discovery started, not from the top.
        matches = [path for path in paths if path.endswith("/" + name)]
        if len(matches) == 1:
            return matches[0]
    return None


test_file.__test__ = False  # type: ignore[attr-defined]


def id_of(path: str, case: str, name: str, *, beside: str, test_id: str) -> str:
    """The id of a test in the new file `path`, in the style of `test_id`, which lies in
    `beside` in the same folder. `case` is its class; empty for a function of a module."""
    parts = [part for part in (case, name) if part or part is name]
    if "::" in test_id or test_id == beside:
        return "::".join((path, *parts))
    stem = posixpath.basename(beside).removesuffix(".py")
    package = test_id.split(f"{stem}.")[0]
    return ".".join((f"{package}{posixpath.basename(path).removesuffix('.py')}", *parts))


def make_canary(beside: str, test_id: str) -> Canary:
    """A canary in the folder of the file `beside`, named in the style of `test_id`."""
    file = f"test_{secrets.token_hex(6)}.py"
    passing_name, failing_name = f"test_{secrets.token_hex(6)}", f"test_{secrets.token_hex(6)}"
    case = f"Test{secrets.token_hex(6)}"
    token, other_token = secrets.token_hex(8), secrets.token_hex(8)
    content = (
        "import unittest\n\n\n"
        f"class {case}(unittest.TestCase):\n"
        f"    def {passing_name}(self):\n        self.assertEqual({token!r}, {token!r})\n\n"
        f"    def {failing_name}(self):\n        self.assertEqual({token!r}, {other_token!r})\n"
    ).encode()
    path = posixpath.join(posixpath.dirname(beside), file)
    prefix = id_of(path, case, "", beside=beside, test_id=test_id)
    return Canary(
        path=path, content=content, must_pass=prefix + passing_name, must_fail=prefix + failing_name
    )
