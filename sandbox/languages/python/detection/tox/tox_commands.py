"""The commands of tox's environments."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, table, words
from sandbox.languages.python.detection.tox.environments import ToxEnvironment, tox_environments
from sandbox.languages.python.detection.tox.factors import anywhere
from sandbox.languages.python.detection.tox.substitution import TOX_NAMES, WORKSPACE, substituted
from sandbox.languages.python.detection.tox.variables import variables_of

_UNKNOWN = "$"
"""As what a shell would have to put in."""
_NAMES = {
    **TOX_NAMES,
    **dict.fromkeys(("envsitepackagesdir", "env_site_packages_dir"), WORKSPACE),
    **dict.fromkeys(("envpython", "env_python"), "python"),
    **dict.fromkeys(("envdir", "env_dir"), "$environment"),
    **dict.fromkeys(("envbindir", "env_bin_dir"), "$environment/bin"),
}
_PROGRAMS = "$environment/bin/"
_TOP = re.compile(re.escape(WORKSPACE) + "(/?)")


def tox_commands(files: ConfigFiles) -> Iterator[tuple[str, str, str]]:
    """Yield (file, command, folder) of each line of all environments; what cannot be known here
    is `$`, and paths are relative to the folder."""
    for environment in tox_environments(files):
        if environment.sets("commands"):
            folder = _folder(environment)
            for line in _commands(environment, files, folder):
                yield environment.source, line, folder


def _folder(environment: ToxEnvironment) -> str:
    folder = "".join(environment.lines("change_dir"))
    return posixpath.normpath(_placed(substituted(folder, _NAMES, {}, _UNKNOWN) or "", ".") or ".")


def _commands(environment: ToxEnvironment, files: ConfigFiles, folder: str) -> Iterator[str]:
    variables = variables_of(environment, files)
    for line in (*environment.lines("commands"), *_joined(environment.value("commands"))):
        # `- COMMAND` may fail, `! COMMAND` must.
        command = anywhere(line).removeprefix("-").strip()
        text = substituted(command, _NAMES, variables, _UNKNOWN)
        if text is not None:
            yield _placed(text, folder)


def _joined(commands: Any) -> Iterator[str]:
    """TOML has commands as lists of words; a word that is a table is what the caller may add, or
    its default."""
    for command in commands if isinstance(commands, list) else []:
        if isinstance(command, list):
            yield shlex.join(word for part in command for word in _words(part))


def _words(part: Any) -> tuple[str, ...]:
    return (part,) if isinstance(part, str) else words(table(part).get("default"))


def _placed(text: str, folder: str) -> str:
    """The text with the project's paths as they are named from a folder of the project."""
    top = "" if folder == "." else "../" * (folder.count("/") + 1)
    return _TOP.sub(lambda match: top if match[1] else top or ".", text).replace(_PROGRAMS, "")
