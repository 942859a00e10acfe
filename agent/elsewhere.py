"""Two sandboxes for one run: the tests in one, in the other what they call, but no test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.protected import Base
from sandbox.base import Session
from sandbox.errors import SandboxDied
from sandbox.runners.apart import ApartReport, Asked, Server, Side, run_apart
from sandbox.runners.pytest import PytestSetup

RUN_SECONDS = 45.0
"""One run of some tests; what is left over then counts as not checked."""
TEST_SECONDS = 15.0
REMOVE = """
import json, os, sys
for path in json.load(sys.stdin):
    if os.path.lexists(path):
        os.remove(path)
"""


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What is the same for every such run of one repair."""

    open_session: Callable[[], Session]
    setup: PytestSetup
    base: Base
    is_test_path: Callable[[str], bool]

    def run(
        self,
        tests: Sequence[str],
        asked: Asked,
        side: Side,
        *,
        here: Mapping[str, bytes],
        there: Mapping[str, bytes],
    ) -> ApartReport:
        """Run tests on the base with the files `here`, whose functions ask the base with the
        files `there`. Raises SandboxError for infrastructure only."""
        with self.open_session() as code, self.open_session() as desk:
            self._hide_tests(code)
            for session, files in ((code, there), (desk, here)):
                for path, content in files.items():
                    session.write(path, content)
            return run_apart(
                desk,
                self.setup,
                Server(code, self.setup),
                side,
                tests,
                asked,
                sources=sorted({*self.sources(), *(p for p in here if p.endswith(".py"))}),
                timeout_seconds=RUN_SECONDS,
                test_timeout_seconds=TEST_SECONDS,
            )

    def sources(self) -> list[str]:
        paths = self.base.entries.keys()
        return [p for p in paths if p.endswith(".py") and not self.is_test_path(p)]

    def _hide_tests(self, session: Session) -> None:
        """What the tests expect stands in their files, for code that looks there."""
        tests = [path for path in self.base.entries if self.is_test_path(path)]
        result = session.run(
            [self.setup.python, "-I", "-S", "-c", REMOVE],
            timeout_seconds=TEST_SECONDS,
            stdin=json.dumps(tests).encode(),
        )
        if result.exit_code != 0:
            raise SandboxDied(f"the test files could not be removed: {result.stderr[-200:]!r}")
