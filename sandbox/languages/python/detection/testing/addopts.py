"""A project's own pytest options without those that get in the way of running its tests one
by one: parallel runs, coverage, reruns, early ends, reports and linters."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WITH_VALUE = frozenset(
    [
        *("-n", "--numprocesses", "--dist", "--maxprocesses", "--max-worker-restart", "--tx"),
        *("--maxfail", "--reruns", "--reruns-delay", "--only-rerun", "--rerun-except"),
        *("--junitxml", "--junit-xml", "--junit-prefix", "--html", "--json-report-file", "--csv"),
        *("--durations", "--durations-min", "--tb", "--color", "--basetemp", "--verbosity"),
        *("--timeout", "--timeout-method", "--session-timeout", "-r", "--pdbcls"),
        *("--random-order-bucket", "--random-order-seed", "--randomly-seed", "--count"),
        *("--log-file", "--log-file-level", "--report-log", "--stepwise-skip"),
    ]
)
_COVERAGE = ("--cov-report", "--cov-config", "--cov-fail-under", "--cov-context")
_ALONE = re.compile(
    r"""-[qvxl]+ | -n(?:\d+|auto|logical) | -r\w+ | --(?:
        exitfirst | verbose | quiet | showlocals | no-header | no-summary | pdb | trace
        | lf | last-failed | ff | failed-first | nf | new-first | sw | stepwise | cache-clear
        | cov | no-cov | no-cov-on-fail | cov-append | cov-branch | cov-reset
        | random-order | self-contained-html | json-report | instafail | testmon | picked
        | setup-show | mypy | flake8 | pylint | black | ruff | ruff-format | isort
        | pycodestyle | pydocstyle | codestyle | docstyle | checkdocs | looponfail | forked
        | benchmark-[\w-]+ | mypy-[\w-]+ | ruff-[\w-]+
    )""",
    re.VERBOSE,
)
_PLUGINS = frozenset(("xdist", "xdist.plugin", "pytest_cov", "randomly", "pytest_randomly"))


def without_obstacles(options: Sequence[str]) -> list[str]:
    """Return the options that are kept, in order."""
    useful_options: list[str] = []
    stack = list(reversed(options))
    while stack:
        option = stack.pop()
        name, equals, _ = option.partition("=")
        if name in _WITH_VALUE or name in _COVERAGE:
            _drop_value(stack, equals)
        elif name == "--cov":
            _drop_optional_value(stack, equals)
        elif option == "-p" and stack and stack[-1] in _PLUGINS:
            stack.pop()
        elif not _ALONE.fullmatch(name):
            useful_options.append(option)
    return useful_options


def _drop_value(stack: list[str], equals: str) -> None:
    if not equals and stack:
        stack.pop()


def _drop_optional_value(stack: list[str], equals: str) -> None:
    # `--cov` alone means everything, so a word behind it is the package or a test path;
    # pytest-cov reads it as the package.
    if not equals and stack and not stack[-1].startswith("-"):
        stack.pop()
