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
    kept: list[str] = []
    pending = list(reversed(options))
    while pending:
        option = pending.pop()
        name, equals, _ = option.partition("=")
        if name in _WITH_VALUE or name in _COVERAGE:
            _drop_value(pending, equals)
        elif name == "--cov":
            _drop_optional_value(pending, equals)
        elif option == "-p" and pending and pending[-1] in _PLUGINS:
            pending.pop()
        elif not _ALONE.fullmatch(name):
            kept.append(option)
    return kept


def _drop_value(pending: list[str], equals: str) -> None:
    if not equals and pending:
        pending.pop()


def _drop_optional_value(pending: list[str], equals: str) -> None:
    # `--cov` alone means everything, so a word behind it is the package or a test path;
    # pytest-cov reads it as the package.
    if not equals and pending and not pending[-1].startswith("-"):
        pending.pop()
