"""Canary tests with random names beside the real ones: one must pass, one must fail."""

from __future__ import annotations

import posixpath
import secrets
from dataclasses import dataclass

from sandbox.runners.base import Outcome, TestReport
from sandbox.runners.test_ids import id_in_file


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
    prefix = id_in_file(path, case, "", like=test_id, like_file=beside)
    return Canary(
        path=path, content=content, must_pass=prefix + passing_name, must_fail=prefix + failing_name
    )
