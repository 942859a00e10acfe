"""The documents name options and exit codes that the command has."""

from __future__ import annotations

import re
from functools import cache

import click
import pytest
import typer

from cli.apps.app import EPILOG, other_app, repair_app
from cli.exit_codes import ExitCode
from tests.support.documents import TOP, Document, document, documents

OF_OTHERS = frozenset(
    (
        "--all-features",
        "--doctest-glob",
        "--doctest-modules",
        "--enable-cache-report",
        "--enable-strict-thinking",
        "--exact",
        "--exclude",
        "--features",
        "--import-mode",
        "--iptables",
        "--logfile",
        "--mamba-full-memory-ratio",
        "--mamba-radix-cache-strategy",
        "--no-default-features",
        "--profile",
        "--reasoning-parser",
        "--reference",
        "--release",
        "--shared",
        "--spec-type",
    )
)
"""Of pytest, git, Docker and servers of models, where the documents name them by themselves."""
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![\w-])")
_CODE = re.compile(r"exit codes? `?(\d+)`?")


@cache
def _repair() -> click.Command:
    return typer.main.get_command(repair_app)


@cache
def _others() -> click.Command:
    return typer.main.get_command(other_app)


def _commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> dict[tuple[str, ...], set[str]]:
    """Words of a command → its options."""
    found = {
        path: {name for parameter in command.params for name in _names(parameter)} | {"--help"}
    }
    for name, below in getattr(command, "commands", {}).items():
        found |= _commands(below, (*path, name))
    return found


def _names(parameter: click.Parameter) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


@cache
def _options() -> dict[tuple[str, ...], set[str]]:
    return _commands(_others()) | {(): _commands(_repair())[()] | {"--version"}}


def _of_line(line: str) -> tuple[str, ...] | None:
    """The words of the command of `repair` that a line calls; None where it calls another."""
    words = line.removeprefix("$ ").split()
    words = words[1:] if words and re.fullmatch(r"[A-Z_]+=\S*", words[0]) else words
    if not words or words[0] not in ("repair", ".venv/bin/repair"):
        return None
    path: tuple[str, ...] = ()
    for word in words[1:]:
        if (*path, word) not in _options():
            break
        path = (*path, word)
    return path


def _lines(one: Document) -> list[str]:
    blocks = "\n".join(one.blocks).replace("\\\n", " ").splitlines()
    return [re.split(r"\s[#|&]", line.strip())[0] for line in [*blocks, *one.spans]]


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_options_of_commands_are_theirs(one: Document) -> None:
    for line in _lines(one):
        path = _of_line(line)
        for option in _OPTION.findall(line) if path is not None else ():
            assert option in _options()[path], line


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_options_by_themselves_are_of_some_command(one: Document) -> None:
    known = set().union(*_options().values()) | OF_OTHERS | _of_scripts()
    for span in one.spans:
        if option := _OPTION.match(span):
            assert option[0] in known, span


@cache
def _of_scripts() -> frozenset[str]:
    """Of the benchmarks and the attacks."""
    paths = [*sorted((TOP / "benchmarks").glob("*.py")), TOP / "tests/abuse/conftest.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    return frozenset(re.findall(r'"(--[a-z-]+)"', text))


def test_usage_lists_all_options_of_a_repair() -> None:
    table = document("docs/usage.md").section("## `repair REPO`")
    told = set(re.findall(r"^\| `(--[a-z-]+)", table, re.MULTILINE))
    assert told == {name for name in _commands(_repair())[()] if name.startswith("--")} - {"--help"}


def test_usage_lists_all_exit_codes() -> None:
    table = document("docs/usage.md").section("## Exit codes")
    told = dict(re.findall(r"^\| (\d+) \| ([\w ]+)", table, re.MULTILINE))
    assert set(map(int, told)) == set(ExitCode)
    for code in (ExitCode.BAD_INPUT, ExitCode.REPAIRED_IN_PART, ExitCode.PLAUSIBLE):
        assert told[str(code.value)] == code.name.lower().replace("_", " ")


def test_exit_codes_in_passing_are_those_of_the_command() -> None:
    for one in documents():
        assert set(map(int, _CODE.findall(one.prose))) <= set(ExitCode), one.name
    assert set(map(int, re.findall(r"^- `(\d+)`", EPILOG, re.MULTILINE))) <= set(ExitCode)


def test_exit_codes_beside_an_ending_are_its_own() -> None:
    words = {"plausible": ExitCode.PLAUSIBLE, "repaired in part": ExitCode.REPAIRED_IN_PART}
    for one in documents():
        text = re.sub(r"[*`]", "", " ".join(one.prose.split())).lower()
        for ending, code in words.items():
            for told in re.findall(rf"{ending} \((?:status \w+, )?exit code (\d+)", text):
                assert int(told) == code, f"{one.name}: {ending}"
