"""pytest in place of unittest, where it finds the same tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import UNITTEST_PROGRAM, TestSetup
from sandbox.languages.python.detection.testing.discovery import (
    discovered_files,
    loads_by_itself,
    read_discovery,
)
from sandbox.languages.python.detection.testing.setups.unittest_calls import merged
from sandbox.languages.python.detection.testing.test_command import TestCommand
from sandbox.languages.python.detection.testing.test_files import sample, test_files


def all_as_pytest(
    files: ConfigFiles, setup: TestSetup, commands: Sequence[TestCommand]
) -> TestSetup | None:
    """`_as_pytest` of each, together; None also where two files have one name, which pytest may
    take for one module."""
    setups = [_as_pytest(files, setup, command) for command in commands]
    parts = [part for part in setups if part is not None]
    whole = merged(parts) if len(parts) == len(setups) else None
    if whole is None or len(parts) == 1:
        return whole
    if len({PurePosixPath(path).name for path in whole.files}) < len(whole.files):
        return None
    is_everywhere = any(part.paths == setup.paths for part in parts)
    paths = dict.fromkeys(path for part in parts for path in part.paths)
    return replace(whole, more=(), paths=setup.paths if is_everywhere else tuple(paths))


def _as_pytest(files: ConfigFiles, setup: TestSetup, command: TestCommand) -> TestSetup | None:
    """pytest in place of a plain discovery by unittest, where it finds the same files and imports
    them as unittest does; None where it would not."""
    discovery = read_discovery(command.arguments)
    is_plain = command.program == UNITTEST_PROGRAM and command.folder == "."
    if not is_plain or command.variables or discovery.names or discovery.filtered or discovery.top:
        return None
    unittest_files = set(discovered_files(files, discovery))
    start = discovery.start
    is_same = unittest_files and unittest_files == set(test_files(files, setup.patterns, [start]))
    if not is_same or (start != "." and files.exists(f"{start}/__init__.py")):
        return None
    if loads_by_itself(sample(files, sorted(unittest_files))):
        return None
    paths = setup.paths if start == "." else (start,)
    found_in_order = tuple(path for path in files.snapshot.python_files() if path in unittest_files)
    return replace(
        setup, paths=paths, files=found_in_order, why=f"{setup.why}, and pytest finds the same"
    )
