"""Guest program: the pytest runner that also says which source lines each test ran, in a process
of its own.

More events: `lines` (id, files; the id is empty for what ran while importing and collecting) and
`values` (id, frames: path, line, function, variables). Python 3.8+ with pytest.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from ..harness.event_channel import EventChannel
from ..harness.outcomes import inside, whole_walk
from ..harness.pytest_options import first
from ..harness.values import attribute_pictures, pictures
from .child_processes import Children
from .isolated_tests import IsolatedTests
from .line_tracing import LinesByPath, LoopHeaders, start_tracer
from .pytest_run import Reporter, run

MAX_FRAMES = 30


class FileSelection:
    """Which files count: below one of the source paths, and not below an excluded one."""

    def __init__(self, workspace: str, sources: List[str], excluded: List[str]) -> None:
        self.sources = [os.path.normpath(os.path.join(workspace, path)) for path in sources]
        self.excluded = [os.path.normpath(os.path.join(workspace, path)) for path in excluded]

    def __call__(self, name: str) -> bool:
        return _below(name, self.sources) and not _below(name, self.excluded)


def _below(name: str, roots: List[str]) -> bool:
    return any(name == root or name.startswith(root + "/") for root in roots)


class CoverageReporter(Reporter):
    """Adds the lines to each result."""

    def __init__(self, request: Dict[str, Any], channel: EventChannel) -> None:
        super().__init__(request, channel)
        self._selected = FileSelection(self._workspace, request["sources"], request["excluded"])
        self._headers = LoopHeaders()
        self._tracer = start_tracer(self._selected)
        self._children: Optional[Children] = None
        self._imported: LinesByPath = {}
        self._isolated = IsolatedTests(request.get("isolation_seconds"), self._lost)

    def pytest_collection_finish(self, session: Any) -> None:
        super().pytest_collection_finish(session)
        self._emit("")
        # Not before: until here the import path of the project's own command is put together.
        self._children = Children(self._selected.sources, self._selected.excluded)

    @first
    def pytest_runtestloop(self, session: Any) -> Optional[bool]:
        self._isolated.run(session.items)
        return None if session.items else True  # pytest's own loop runs the others

    def _lost(self, test_id: str, seconds: float) -> None:
        message = "the interpreter ended while this test ran"
        self._channel.emit(
            "result", id=test_id, outcome="crashed", message=message, seconds=seconds
        )

    def pytest_unconfigure(self) -> None:
        if self._children is not None:
            self._children.close()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._tracer.take()
        if self._children is not None:
            self._children.take()
        super().pytest_runtest_logstart(nodeid)

    def before_result(self) -> None:
        self._emit(self._result["id"])
        self._isolated.done()

    def _emit(self, test_id: str) -> None:
        files = {}
        lines_by_path = self._tracer.take()
        if self._children is None:
            self._imported = {path: set(lines) for path, lines in lines_by_path.items()}
        else:
            # They import all over again, which says nothing of the test.
            for path, lines in self._children.take().items():
                lines_by_path.setdefault(path, set()).update(
                    lines - self._imported.get(path, set())
                )
        for path, lines in lines_by_path.items():
            relative = inside(path, self._workspace)
            if relative is not None:
                files[relative] = sorted(self._headers.complete(path, lines))
        self._channel.emit("lines", id=test_id, files=files)

    def failed(self, error: BaseException) -> None:
        """Local variables of the project's frames in the traceback."""
        frames = []
        for frame, line in whole_walk(error)[-MAX_FRAMES:]:
            path = inside(frame.f_code.co_filename, self._workspace)
            if path is not None:
                values = {**pictures(frame.f_locals), **attribute_pictures(frame.f_locals)}
                frames.append([path, line, frame.f_code.co_name, values])
        self._channel.emit("values", id=self._result["id"], frames=frames)


def main(request: Dict[str, Any]) -> None:
    run(request, CoverageReporter)
