"""Values of `tox.ini` and `setup.cfg`'s `[tox:…]`, with tox's substitutions made.

https://tox.wiki/en/stable/config.html#substitutions
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from sandbox.languages.python.detection.config_files import ConfigFiles, words

_REFERENCE = re.compile(r"\{\[([^\]{}]+)\]([\w.-]+)\}")
_TOP = re.compile(r"\{(?:toxinidir|tox_root|envsitepackagesdir|env_site_packages_dir)\}(/?)")
_VARIABLE = re.compile(r"\{env:(\w+)\}")
_DEFAULT = re.compile(r"\{(?:posargs|env:\w+):([^{}]*)\}")
_WORDS = {"{envpython}": "python", "{env_python}": "python", "{/}": "/", "{posargs}": ""}
_PROGRAMS = re.compile(r"\{(?:envbindir|env_bin_dir)\}/|\{(?:envdir|env_dir)\}/bin/")
_UNKNOWN = re.compile(r"\{[^{}]*\}")
_CONDITION = re.compile(r"^!?[\w.,!*{}-]+:\s+")
_MAX_DEPTH = 10
_MAX_CHARACTERS = 64 * 1024


def tox_commands(files: ConfigFiles) -> Iterator[tuple[str, str]]:
    """(command, folder) of each line in the environments that run tests, `[testenv]` first."""
    sections = files.ini("tox.ini")
    names = [name for name in sections if name == "testenv" or name.startswith("testenv:")]
    for name in sorted(names, key=lambda name: name != "testenv"):
        folder = tox_value(sections, name, "changedir") or tox_value(sections, name, "change_dir")
        folder = posixpath.normpath(folder.strip() or ".")
        for line in _lines(tox_value(sections, name, "commands", folder)):
            yield line, folder


def tox_value(
    sections: Mapping[str, Mapping[str, str]], section: str, key: str, folder: str = "."
) -> str:
    """A value with references to other sections, paths, variables and defaults put in; `""` when
    absent. Paths are relative to `folder`; what cannot be known here is `$`."""
    text = _put_in(sections, sections.get(section, {}).get(key, ""))
    top = "" if folder == "." else "../" * (folder.count("/") + 1)
    text = _TOP.sub(lambda match: top if match[1] else top or ".", text)
    variables = {**_variables(sections, "testenv"), **_variables(sections, section)}
    text = _VARIABLE.sub(lambda match: variables.get(match[1], ""), text)
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
    for _ in range(_MAX_DEPTH):
        found = _REFERENCE.sub(lambda m: sections.get(m[1], {}).get(m[2], ""), text)
        if found == text or len(found) > _MAX_CHARACTERS:
            break
        text = found
    return text


def _variables(sections: Mapping[str, Mapping[str, str]], section: str) -> dict[str, str]:
    lines = words(_put_in(sections, sections.get(section, {}).get("setenv", "")))
    pairs = (_CONDITION.sub("", line, count=1).partition("=") for line in lines)
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _lines(text: str) -> Iterator[str]:
    for line in words(text.replace("\\\n", " ")):
        # `- COMMAND` may fail, `! COMMAND` must; `py312: COMMAND` holds for one environment.
        yield _CONDITION.sub("", line, count=1).removeprefix("-").strip()
