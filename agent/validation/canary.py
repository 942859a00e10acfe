"""Two tests with random names beside the real ones: one must pass, one must fail."""

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
        passed, failed = report.results.get(self.must_pass), report.results.get(self.must_fail)
        found = []
        if failed is None or failed.outcome is not Outcome.FAILED:
            said = "missing" if failed is None else failed.outcome.value
            found.append(f"the canary, a test that must fail, is reported as {said}")
        if passed is None or passed.outcome is not Outcome.PASSED:
            said = "missing" if passed is None else passed.outcome.value
            found.append(f"the canary, a test that must pass, is reported as {said}")
        return tuple(found)


def make_canary(beside: str, test_id: str) -> Canary:
    """A canary in the folder of the file `beside`, named in the style of `test_id`."""
    file = f"test_{secrets.token_hex(6)}.py"
    good, bad = f"test_{secrets.token_hex(6)}", f"test_{secrets.token_hex(6)}"
    case = f"Test{secrets.token_hex(6)}"
    one, other = secrets.token_hex(8), secrets.token_hex(8)
    content = (
        "import unittest\n\n\n"
        f"class {case}(unittest.TestCase):\n"
        f"    def {good}(self):\n        self.assertEqual({one!r}, {one!r})\n\n"
        f"    def {bad}(self):\n        self.assertEqual({one!r}, {other!r})\n"
    ).encode()
    path = posixpath.join(posixpath.dirname(beside), file)
    prefix = id_in_file(path, case, "", like=test_id, like_file=beside)
    return Canary(path=path, content=content, must_pass=prefix + good, must_fail=prefix + bad)
