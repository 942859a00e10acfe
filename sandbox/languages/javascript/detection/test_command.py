"""From the project's script `test` to what runs its tests, and which files these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.languages.javascript.detection.command_line import (
    FRAMEWORK_PROGRAMS,
    Command,
    commands_in,
)
from sandbox.languages.javascript.detection.frameworks.jest_command import jest_tests
from sandbox.languages.javascript.detection.frameworks.mocha_command import mocha_tests
from sandbox.languages.javascript.detection.frameworks.node_test_command import node_test_files
from sandbox.languages.javascript.detection.frameworks.test_programs import (
    STARTERS,
    plain_programs,
    started_tests,
)
from sandbox.languages.javascript.detection.frameworks.vitest_command import NO_TESTS, vitest_tests
from sandbox.languages.javascript.detection.package_file import PackageFiles, table
from sandbox.languages.javascript.detection.project import Framework, JavaScriptTests

OTHER_FRAMEWORKS = frozenset(
    (
        *("ava", "jasmine", "karma", "qunit", "lab"),
        *("playwright", "cypress", "wtr", "web-test-runner", "bun", "deno", "react-scripts"),
    )
)
"""Known by name and not run yet."""
BROWSER = "vitest --browser"
"""What stands for vitest where its tests run in a browser."""


@dataclass(frozen=True, kw_only=True)
class FrameworkChoice:
    """The framework that runs the tests, or the name of one that cannot be run here."""

    framework: Framework | None = None
    tests: JavaScriptTests = field(default_factory=JavaScriptTests)
    other: str = ""
    why: str = ""


def find_tests(
    files: PackageFiles, package: Mapping[str, Any], given: str | None, name: str = "test"
) -> FrameworkChoice:
    """What runs the tests: the command that a person gave, else the script of this name. Where that
    starts nothing known, another script for tests, else the one framework among the dependencies.
    """
    scripts = {key: text for key, text in table(package, "scripts").items() if _is_text(text)}
    script = given or scripts.get(name, "")
    source = "the command given" if given else f"the script `{name}` of package.json"
    commands = list(commands_in(script, scripts))
    widest = _widest(commands, files, package, source)
    if widest is not None:
        return replace(widest, tests=replace(widest.tests, given=bool(given)))
    program = next((c.program for c in commands if c.program in OTHER_FRAMEWORKS), "")
    if any(map(_is_in_browser, commands)):
        program = BROWSER
    started = [started_tests(command, files) for command in commands if command.program in STARTERS]
    tests = next((one for one in started if one.files), None) or plain_programs(commands, files)
    if not program and tests is not None:
        choice = FrameworkChoice(
            framework=Framework.PROGRAMS, tests=replace(tests, given=bool(given))
        )
        return replace(choice, why=f"{source} runs {_called(choice)}")
    other = None if program or given else _by_other_signs(files, package, scripts)
    return other or FrameworkChoice(
        other=program, why=f"{source} runs {program}" if program else ""
    )


def _widest(
    commands: Sequence[Command], files: PackageFiles, package: Mapping[str, Any], source: str
) -> FrameworkChoice | None:
    """Of what these commands run: one that names no place runs everything; the others are parts of
    it, mostly."""
    candidates = [
        replace(choice, tests=replace(choice.tests, variables=command.variables))
        for command in commands
        if (choice := _of_command(command, files, package)) is not None
    ]
    widest = min(candidates, key=lambda found: len(found.tests.places), default=None)
    if widest is None:
        return None
    more = f"; of {len(candidates)} commands the widest" if len(candidates) > 1 else ""
    return replace(widest, why=f"{source} runs {_called(widest)}{more}")


def _by_other_signs(
    files: PackageFiles, package: Mapping[str, Any], scripts: Mapping[str, str]
) -> FrameworkChoice | None:
    """A script such as `test:unit`, else the only framework among the dependencies: a tool of the
    project's own may start it."""
    for key in (name for name in scripts if name.startswith("test")):
        commands = list(commands_in(scripts[key], scripts))
        choice = _widest(commands, files, package, f"the script `{key}` of package.json")
        if choice is not None and choice.tests.files:
            return choice
    dependencies = {**table(package, "dependencies"), **table(package, "devDependencies")}
    programs = FRAMEWORK_PROGRAMS.intersection(dependencies)
    if len(programs) != 1 or OTHER_FRAMEWORKS.intersection(dependencies):
        return None
    (program,) = programs
    source = (
        f"no script of package.json says what runs the tests, and {program} is a dependency: it"
    )
    choice = _widest([Command(program=program)], files, package, source)
    return choice if choice is not None and choice.tests.files else None


def _called(choice: FrameworkChoice) -> str:
    if choice.framework is Framework.PROGRAMS:
        return "each file of tests as a program: its exit status counts"
    return str(choice.framework)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _of_command(
    command: Command, files: PackageFiles, package: Mapping[str, Any]
) -> FrameworkChoice | None:
    if command.program == "mocha":
        return FrameworkChoice(
            framework=Framework.MOCHA, tests=mocha_tests(command, files, package)
        )
    if command.program == "jest":
        return FrameworkChoice(framework=Framework.JEST, tests=jest_tests(command, files, package))
    is_run = not NO_TESTS.intersection(command.arguments[:1]) and not _is_in_browser(command)
    if command.program == "vitest" and is_run:
        return FrameworkChoice(framework=Framework.VITEST, tests=vitest_tests(command, files))
    tests = node_test_files(command, files)
    return None if tests is None else FrameworkChoice(framework=Framework.NODE_TEST, tests=tests)


def _is_in_browser(command: Command) -> bool:
    """Whether vitest is told to run its tests in a browser."""
    words = (word.partition("=") for word in command.arguments)
    return command.program == "vitest" and any(
        name in ("--browser", "--browser.enabled", "--browser.name") and value != "false"
        for name, _, value in words
    )
