"""From the project's script `test` to what runs its tests, and which files these are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.languages.javascript.detection.command_line import (
    Command,
    commands_in,
)
from sandbox.languages.javascript.detection.configuration_names import CONFIGURATION
from sandbox.languages.javascript.detection.globs import is_pattern, matching
from sandbox.languages.javascript.detection.jest_command import jest_tests
from sandbox.languages.javascript.detection.loaded_first import (
    LOADED_BY_NODE,
    named_in_configuration,
    setup_files,
    values,
)
from sandbox.languages.javascript.detection.node_options import node_options
from sandbox.languages.javascript.detection.package_file import PackageFiles, table, texts
from sandbox.languages.javascript.detection.project import Framework, JavaScriptTests
from sandbox.languages.javascript.detection.vitest_command import NO_TESTS, vitest_tests

OTHER_FRAMEWORKS = frozenset(
    (
        *("ava", "tap", "jasmine", "karma", "uvu", "qunit", "lab"),
        *("playwright", "cypress", "wtr", "web-test-runner", "bun", "deno", "react-scripts"),
    )
)
"""Known by name and not run yet."""
_INSTALLED = frozenset((Framework.MOCHA.value, Framework.JEST.value, Framework.VITEST.value))
BROWSER = "vitest --browser"
"""What stands for vitest where its tests run in a browser."""
_MOCHA_WITH_VALUE = frozenset(
    (
        *("-r", "--require", "-R", "--reporter", "-O", "--reporter-option", "--reporter-options"),
        *("-t", "--timeout", "--timeouts", "-s", "--slow", "-u", "--ui", "-g", "--grep", "-f"),
        *("--fgrep", "-j", "--jobs", "--config", "--package", "--extension", "--file", "--ignore"),
        *("--exclude", "--spec", "--retries", "--global", "--globals", "-n", "--node-option"),
        *("--watch-files", "--watch-ignore", "--opts", "--import", "--loader"),
        *("--experimental-loader",),
    )
)
_MOCHA_DROPPED = frozenset(
    (
        *("-R", "--reporter", "-O", "--reporter-option", "--reporter-options", "-w", "--watch"),
        *("--watch-files", "--watch-ignore", "-p", "--parallel", "-j", "--jobs", "-b", "--bail"),
        *("-n", "--node-option", "--inspect", "--inspect-brk", "-c", "--color", "--colors"),
        *("--dry-run", "-C", "--no-color", "-G", "--growl", "--exit"),
    )
)
"""What shows results otherwise, waits for ever, or ends a run early."""
_NAMES_TESTS = re.compile(r"(?<![A-Za-z])[Tt]ests?(?![a-z])|(?<=[a-z])Tests?(?![a-z])")
"""A word of a path, however words are set apart in it."""
_OF_NODE = ("--import", "--loader", "--experimental-", "--no-warnings", "--max-old", "--expose")
_MOCHA_PROGRAMS = tuple(n for n in CONFIGURATION[Framework.MOCHA] if n.endswith("js"))
_MOCHA_CONFIGURATIONS = tuple(n for n in CONFIGURATION[Framework.MOCHA] if not n.endswith("js"))
_DEFAULT_FOLDER = "./test"
_DEFAULT_NODE = (
    "**/*{.,-,_}test.{js,cjs,mjs}",
    "**/test-*.{js,cjs,mjs}",
    "**/test.{js,cjs,mjs}",
    "**/test/**/*.{js,cjs,mjs}",
)
"""https://nodejs.org/api/test.html#running-tests-from-the-command-line"""


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
    tapes = [_tape(command, files) for command in commands if command.program == "tape"]
    choice = next((one for one in tapes if one.tests.files), None) or _programs(commands, files)
    if not program and choice is not None:
        tests = replace(choice.tests, given=bool(given))
        return replace(choice, tests=tests, why=f"{source} runs {_called(choice)}")
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
    programs = _INSTALLED.intersection(dependencies)
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


def _programs(commands: Sequence[Command], files: PackageFiles) -> FrameworkChoice | None:
    """Files that the script runs with Node itself and whose name says that they are tests. One that
    is given words decides by them what it tests; of those with other options or variables than most
    have, none is run otherwise than the script does."""
    alike: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], list[str]] = {}
    for command in commands:
        path = posixpath.normpath(command.file)
        is_test = _NAMES_TESTS.search(path) and files.exists(path)
        if command.program == "node" and is_test and not command.arguments:
            alike.setdefault((command.node_options, command.variables), []).append(path)
    if not alike:
        return None
    (options, variables), paths = max(alike.items(), key=lambda item: len(item[1]))
    return _as_programs(options, dict.fromkeys(paths), variables, files)


def _tape(command: Command, files: PackageFiles) -> FrameworkChoice:
    """tape runs the files that it is given in one process; each can be run by itself."""
    options: list[str] = []
    patterns: list[str] = []
    queue = list(command.arguments)
    while queue:
        word = queue.pop(0)
        if word in ("-r", "--require") and queue:
            options += ["--require", queue.pop(0)]
        elif word.startswith("--require="):
            options.append(word)
        elif word in ("-i", "--ignore", "--ignore-pattern") and queue:
            queue.pop(0)
        elif not word.startswith("-"):
            patterns.append(posixpath.normpath(word))
    paths = matching(patterns, files.paths)
    return _as_programs((*command.node_options, *options), paths, command.variables, files)


def _as_programs(
    options: Sequence[str],
    paths: Iterable[str],
    variables: tuple[tuple[str, str], ...],
    files: PackageFiles,
) -> FrameworkChoice:
    of_node = node_options(options)
    tests = JavaScriptTests(
        node_options=of_node,
        files=tuple(paths),
        setup=setup_files(values(of_node, LOADED_BY_NODE), files),
        variables=variables,
    )
    return FrameworkChoice(framework=Framework.PROGRAMS, tests=tests)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _of_command(
    command: Command, files: PackageFiles, package: Mapping[str, Any]
) -> FrameworkChoice | None:
    if command.program == "mocha":
        return _mocha(command, files, package)
    if command.program == "jest":
        return FrameworkChoice(framework=Framework.JEST, tests=jest_tests(command, files, package))
    is_run = not NO_TESTS.intersection(command.arguments[:1]) and not _is_in_browser(command)
    if command.program == "vitest" and is_run:
        return FrameworkChoice(framework=Framework.VITEST, tests=vitest_tests(command, files))
    if command.program != "node":
        return None
    if "--test" in command.node_options:
        return _node_test(command, files)
    path = posixpath.normpath(command.file) if command.file else ""
    if "node:test" in files.text(path):
        options = node_options(command.node_options)
        tests = JavaScriptTests(
            node_options=options,
            files=(path,),
            setup=setup_files(values(options, LOADED_BY_NODE), files),
        )
        return FrameworkChoice(framework=Framework.NODE_TEST, tests=tests)
    return None


def _is_in_browser(command: Command) -> bool:
    """Whether vitest is told to run its tests in a browser."""
    words = (word.partition("=") for word in command.arguments)
    return command.program == "vitest" and any(
        name in ("--browser", "--browser.enabled", "--browser.name") and value != "false"
        for name, _, value in words
    )


def _node_test(command: Command, files: PackageFiles) -> FrameworkChoice:
    paths = files.paths
    groups = [_expanded(word, files) for word in command.arguments]
    patterns = [pattern for group in groups for pattern in group] or list(_DEFAULT_NODE)
    options = node_options(command.node_options)
    tests = JavaScriptTests(
        node_options=options,
        files=tuple(matching(patterns, paths)),
        setup=setup_files(values(options, LOADED_BY_NODE), files),
    )
    return FrameworkChoice(framework=Framework.NODE_TEST, tests=tests)


def _expanded(word: str, files: PackageFiles) -> list[str]:
    """A folder stands for the tests in it."""
    path = posixpath.normpath(word)
    if is_pattern(word) or files.exists(path):
        return [path]
    top = "" if path == "." else f"{path}/"
    return [f"{top}{pattern}" for pattern in (*_DEFAULT_NODE[:3], "**/*.{js,cjs,mjs}")]


def _mocha(command: Command, files: PackageFiles, package: Mapping[str, Any]) -> FrameworkChoice:
    options, specs, of_node = _split_mocha(command.arguments)
    settings = _mocha_settings(files, package, options)
    of_node += [f"--import={name}" for name in texts(settings.get("import"))]
    of_node += [f"--loader={name}" for name in texts(settings.get("loader"))]
    of_node += [_as_option(name) for name in texts(settings.get("node-option"))]
    if not specs and not _names_specs(settings, options, files):
        specs = [_DEFAULT_FOLDER]  # said, so that a further file does not stand in for it
    patterns = [*specs, *texts(settings.get("spec")), *values(options, ("--spec", "--file"))]
    of_node = [*node_options(command.node_options), *of_node]
    module_names = [
        *values(options, ("-r", "--require", "--file", "--config", "--package", "--opts")),
        *values(of_node, LOADED_BY_NODE),
    ]
    module_names += [*texts(settings.get("require")), *texts(settings.get("file"))]
    tests = JavaScriptTests(
        arguments=tuple(options),
        places=tuple(specs),
        node_options=tuple(of_node),
        files=tuple(matching(_specs(patterns, files), files.paths)),
        setup=(
            *setup_files(module_names, files),
            *named_in_configuration(Framework.MOCHA, files, values(options, ("--config",))),
        ),
    )
    return FrameworkChoice(framework=Framework.MOCHA, tests=tests)


def _names_specs(settings: Mapping[str, Any], options: Sequence[str], files: PackageFiles) -> bool:
    """Whether a file of settings, or an option, says where the tests are."""
    programs = any(map(files.exists, _MOCHA_PROGRAMS))
    return programs or bool(texts(settings.get("spec")) or list(values(options, ("--spec",))))


def _as_option(name: str) -> str:
    return name if name.startswith("-") else f"--{name}"


def _specs(patterns: Sequence[str], files: PackageFiles) -> Iterator[str]:
    """As patterns of files: mocha looks into a folder for its sources."""
    for pattern in patterns:
        path = posixpath.normpath(pattern)
        yield path
        if not is_pattern(path) and not files.exists(path):
            yield f"{path}/**/*.{{js,cjs,mjs,ts,cts,mts,jsx,tsx}}"


def _split_mocha(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """mocha's own options, the files, and options of Node: mocha would start another process for
    those."""
    options: list[str] = []
    specs: list[str] = []
    of_node: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-"):
            specs.append(word)
            continue
        takes_value = word in _MOCHA_WITH_VALUE
        group = [word, *(queue[:1] if takes_value else [])]
        queue = queue[1:] if takes_value else queue
        if word.startswith(_OF_NODE):
            of_node += group
        elif word.partition("=")[0] not in _MOCHA_DROPPED:
            options += group
    return options, specs, of_node


def _mocha_settings(
    files: PackageFiles, package: Mapping[str, Any], options: Sequence[str]
) -> Mapping[str, Any]:
    paths = [posixpath.normpath(path) for path in values(options, ("--config",))]
    for path in (*paths, *_MOCHA_CONFIGURATIONS):
        if files.exists(path):
            return files.yaml(path)  # JSON with comments in it is nearly all YAML
    return table(package, "mocha")
