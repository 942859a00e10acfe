"""Which lines of the project ran since the last question, as cheaply as this Python allows.

`sys.monitoring` on 3.12+, coverage.py's C tracer before, `sys.settrace` where that is missing.
Python 3.8+.
"""

from __future__ import annotations

import ast
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

Wanted = Callable[[str], bool]
LinesByPath = Dict[str, Set[int]]


class Monitoring:
    """Every line reports once, then costs nothing until the next test."""

    def __init__(self, is_traced: Wanted) -> None:
        self._monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - unknown to older stubs
        self._wanted = is_traced
        self._known: Dict[str, bool] = {}
        self._found: LinesByPath = {}
        self._tool = self._free_tool()

    def _free_tool(self) -> int:
        for tool in (3, 4, 1, 2, 0):
            if self._monitoring.get_tool(tool) is None:
                return tool
        raise RuntimeError("every monitoring tool id is taken")

    def start(self) -> None:
        monitoring = self._monitoring
        monitoring.use_tool_id(self._tool, "repair")
        line = monitoring.events.LINE
        monitoring.register_callback(self._tool, line, self._line)
        monitoring.set_events(self._tool, line)

    def _line(self, code: Any, line: int) -> Any:
        name = code.co_filename
        is_traced = self._known.get(name)
        if is_traced is None:
            is_traced = self._known[name] = self._wanted(name)
        if is_traced:
            self._found.setdefault(name, set()).add(line)
        return self._monitoring.DISABLE

    def take(self) -> LinesByPath:
        lines_by_path, self._found = self._found, {}
        self._monitoring.restart_events()
        return lines_by_path


class CoverageTracer:
    """coverage.py's tracer written in C; its sets are read and emptied between tests."""

    def __init__(self, is_traced: Wanted) -> None:
        import coverage

        self._wanted = is_traced
        self._coverage: Any = coverage.Coverage(data_file=None, config_file=False)
        self._known: Dict[str, bool] = {}

    def start(self) -> None:
        self._coverage.start()
        _ = self._coverage._collector.data  # an AttributeError here chooses the plain tracer

    def take(self) -> LinesByPath:
        data = self._coverage._collector.data
        lines_by_path: LinesByPath = {}
        for name, lines in list(data.items()):
            is_traced = self._known.get(name)
            if is_traced is None:
                is_traced = self._known[name] = self._wanted(name)
            if is_traced and lines:
                lines_by_path[name] = set(lines)
            lines.clear()
        return lines_by_path


class PlainTracer:
    """Records lines with `sys.settrace`: slow, but in every interpreter."""

    def __init__(self, is_traced: Wanted) -> None:
        self._wanted = is_traced
        self._known: Dict[str, bool] = {}
        self._found: LinesByPath = {}

    def start(self) -> None:
        threading.settrace(self._call)
        sys.settrace(self._call)

    def _call(self, frame: Any, _event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        is_traced = self._known.get(name)
        if is_traced is None:
            is_traced = self._known[name] = self._wanted(name)
        return self._line if is_traced else None

    def _line(self, frame: Any, event: str, _argument: Any) -> Any:
        if event == "line":
            self._found.setdefault(frame.f_code.co_filename, set()).add(frame.f_lineno)
        return self._line

    def take(self) -> LinesByPath:
        lines_by_path, self._found = self._found, {}
        return lines_by_path


def start_tracer(is_traced: Wanted) -> Any:
    """The best tracer this interpreter has, started."""
    if hasattr(sys, "monitoring"):
        tracer: Any = Monitoring(is_traced)
        tracer.start()
        return tracer
    try:
        tracer = CoverageTracer(is_traced)
        tracer.start()
    except (ImportError, AttributeError):
        tracer = PlainTracer(is_traced)
        tracer.start()
    return tracer


class LoopHeaders:
    """`while True:` has no line event of its own: it counts when a line of its body ran."""

    def __init__(self) -> None:
        self._files: Dict[str, List[Tuple[int, int, int]]] = {}

    def complete(self, path: str, lines: Set[int]) -> Set[int]:
        if path not in self._files:
            self._files[path] = self._loops(path)
        for header, first_line, last_line in self._files[path]:
            if header not in lines and any(first_line <= line <= last_line for line in lines):
                lines.add(header)
        return lines

    def _loops(self, path: str) -> List[Tuple[int, int, int]]:
        tree = parsed(path)
        if tree is None:
            return []
        return [
            (node.lineno, node.body[0].lineno, node.body[-1].end_lineno or node.lineno)
            for node in ast.walk(tree)
            if isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
        ]


def parsed(path: str) -> Optional[ast.AST]:
    try:
        with open(path, "rb") as file:
            return ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None
