"""Starts pytest where the project's own command starts, or inside of the project's test program.

Python 3.8+ with pytest.
"""

from __future__ import annotations

import os
import unittest
from typing import Any, Dict, List

from .pytest_options import ImportPath, enter_project
from .test_program import folder_of, run_program

NO_TESTS_EXIT_CODE = 5


def run_pytest(
    pytest: Any, import_path: ImportPath, request: Dict[str, Any], line: List[str], plugins: Any
) -> int:
    """`pytest.main` in the folder of the project's command; where the tests need what a program
    of the project does before it runs them, inside of that program."""
    plugins, line = [import_path, *plugins], import_path.held_back(line)
    if not request.get("program"):
        os.chdir(folder_of(request))
        return int(pytest.main(line, plugins=plugins))
    statuses: List[int] = []

    def run_tests(_suite: Any, _execute: Any) -> Any:
        import_path.leave(request["workspace"])
        statuses.append(int(pytest.main(line, plugins=plugins)))
        return unittest.TestResult()

    enter_project(request, [])
    status = run_program(dict(request, args=request["program_args"]), run_tests)
    return statuses[0] if statuses else status or NO_TESTS_EXIT_CODE
