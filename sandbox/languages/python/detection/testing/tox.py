"""The commands of tox, with its substitutions made.

https://tox.wiki/en/stable/config.html#substitutions
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, words

_REFERENCE = re.compile(r"\{\[([^\]{}]+)\]([\w.-]+)\}")
_TOP = re.compile(r"\{(?:toxinidir|tox_root|envsitepackagesdir|env_site_packages_dir)\}(/?)")
_VARIABLE = re.compile(r"\{env:(\w+)\}")
_DEFAULT = re.compile(r"\{(?:posargs|env:\w+):([^{}]*)\}")
_WORDS = {"{envpython}": "python", "{env_python}": "python", "{posargs}": ""}
_PROGRAMS = re.compile(r"\{(?:envbindir|env_bin_dir)\}/|\{(?:envdir|env_dir)\}/bin/")
_UNKNOWN = re.compile(r"\{[^{}]*\}")
_CONDITION = re.compile(r"^!?[\w.,!*{}-]+:\s+")
_MAX_DEPTH = 10
_MAX_REFERENCES = 50
_MAX_CHARACTERS = 64 * 1024
_MAX_VALUE_CHARACTERS = 1000
"""Of a variable, which may stand in a text many times."""


def tox_commands(files: ConfigFiles) -> Iterator[tuple[str, str, str]]:
    """(file, command, folder) of each line in the environments, the one of all first."""
    own = table(files.toml("pyproject.toml"), "tool", "tox")
    legacy = own.get("legacy_tox_ini")
    for source, sections in (
        ("tox.ini", files.ini("tox.ini")),
        ("setup.cfg", files.ini("setup.cfg") if not files.exists("tox.ini") else {}),
        ("pyproject.toml", files.ini_text("pyproject.toml", legacy) if legacy else {}),
    ):
        yield from ((source, line, folder) for line, folder in _of_ini(sections))
    for source, tables in (("tox.toml", files.toml("tox.toml")), ("pyproject.toml", own)):
        yield from ((source, line, folder) for line, folder in _of_toml(tables))


def _of_ini(sections: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    names = [name for name in sections if name == "testenv" or name.startswith("testenv:")]
    for name in sorted(names, key=lambda name: name != "testenv"):
        folder = tox_value(sections, name, "changedir") or tox_value(sections, name, "change_dir")
        folder = posixpath.normpath(folder.strip() or ".")
        for line in _lines(tox_value(sections, name, "commands", folder)):
            yield line, folder


def _of_toml(tables: Table) -> Iterator[tuple[str, str]]:
    """Commands as lists of words; a word that is a table is what the caller may add, or its
    default."""
    environments = [table(tables, "env_run_base"), *map(table, table(tables, "env").values())]
    for environment in environments:
        commands = environment.get("commands")
        for command in commands if isinstance(commands, list) else []:
            line = shlex.join(_toml_words(command))
            yield _substituted(line, {}, "."), "."


def _toml_words(command: Any) -> Iterator[str]:
    for word in command if isinstance(command, list) else []:
        if isinstance(word, str):
            yield word
        else:
            yield from words(table(word).get("default"))


def tox_value(
    sections: Mapping[str, Mapping[str, str]], section: str, key: str, folder: str = "."
) -> str:
    """A value with references to other sections, paths, variables and defaults put in; `""` when
    absent. Paths are relative to `folder`; what cannot be known here is `$`."""
    text = _put_in(sections, sections.get(section, {}).get(key, ""))
    variables = {**_variables(sections, "testenv"), **_variables(sections, section)}
    return _substituted(text, variables, folder)


def _substituted(text: str, variables: Mapping[str, str], folder: str) -> str:
    top = "" if folder == "." else "../" * (folder.count("/") + 1)
    text = text[:_MAX_CHARACTERS].replace("{/}", "/")
    text = _TOP.sub(lambda match: top if match[1] else top or ".", text)
    text = _VARIABLE.sub(lambda match: variables.get(match[1], ""), text)[:_MAX_CHARACTERS]
    for name, value in _WORDS.items():
        text = text.replace(name, value)
    text = _PROGRAMS.sub("", text)
    for _ in range(_MAX_DEPTH):
        if (found := _DEFAULT.sub(r"\1", text)) == text:
            break
        text = found
    return _UNKNOWN.sub("$", text)


def _put_in(sections: Mapping[str, Mapping[str, str]], text: str) -> str:
    """The text with what it refers to in other sections."""
    for _ in range(_MAX_REFERENCES):
        match = _REFERENCE.search(text)
        if match is None or len(text) > _MAX_CHARACTERS:
            break
        value = sections.get(match[1], {}).get(match[2], "")
        text = text[: match.start()] + value + text[match.end() :]
    return text


def _variables(sections: Mapping[str, Mapping[str, str]], section: str) -> dict[str, str]:
    lines = words(_put_in(sections, sections.get(section, {}).get("setenv", "")))
    pairs = (_CONDITION.sub("", line, count=1).partition("=") for line in lines)
    return {
        name.strip(): value.strip()[:_MAX_VALUE_CHARACTERS]
        for name, equals, value in pairs
        if equals
    }


def _lines(text: str) -> Iterator[str]:
    for line in words(text.replace("\\\n", " ")):
        # `- COMMAND` may fail, `! COMMAND` must; `py312: COMMAND` holds for one environment.
        yield _CONDITION.sub("", line, count=1).removeprefix("-").strip()
