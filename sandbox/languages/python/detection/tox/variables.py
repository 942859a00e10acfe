"""`setenv` of tox's environments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, texts
from sandbox.languages.python.detection.env_files import env_file
from sandbox.languages.python.detection.tox.environments import ToxEnvironment, tox_environments
from sandbox.languages.python.detection.tox.factors import where_tests_run
from sandbox.languages.python.detection.tox.substitution import TOX_NAMES, WORKSPACE, substituted

_NAMES = {
    **TOX_NAMES,
    **dict.fromkeys(("envtmpdir", "env_tmp_dir", "temp_dir", "toxworkdir", "work_dir"), "/tmp"),  # noqa: S108 - in the sandbox
}


def tox_variables(files: ConfigFiles) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file, variables) for each of tox's files, of the environment that runs the tests."""
    for source, environments in groupby(tox_environments(files), attrgetter("source")):
        setting = (e for e in environments if _runs_all(e) and e.value("set_env") is not None)
        environment = next(setting, None)
        if environment and (variables := variables_of(environment, files)):
            yield source, variables


def _runs_all(environment: ToxEnvironment) -> bool:
    """Whether it runs the tests, and not with an optional part where the base runs them without: a
    variable may choose that part, which is not installed."""
    is_plain = bool(where_tests_run(f"{environment.name}: it")) or not environment.name
    return environment.runs_tests and (is_plain or "commands" not in environment.base)


def variables_of(environment: ToxEnvironment, files: ConfigFiles) -> dict[str, str]:
    """Return what an environment sets; what cannot be resolved is left out."""
    value = environment.value("set_env")
    if isinstance(value, dict):
        return _of_table(value, files)
    variables: dict[str, str] = {}
    for line in map(where_tests_run, environment.lines("set_env")):
        if line.startswith("file|"):
            variables.update(_of_file(line.removeprefix("file|"), files))
        name, equals, text = line.partition("=")
        if equals and re.fullmatch(r"\w+", name.strip()):
            variables.update(_resolved({name.strip(): text.strip()}))
    return variables


def _of_table(settings: Table, files: ConfigFiles) -> dict[str, str]:
    values = texts(settings)
    return _of_file(values.pop("file", ""), files) | _resolved(values)


def _of_file(path: str, files: ConfigFiles) -> dict[str, str]:
    path = (substituted(path, _NAMES) or "").strip()
    return env_file(files.text(path.removeprefix(f"{WORKSPACE}/")))


def _resolved(values: Mapping[str, str]) -> dict[str, str]:
    new_values = {name: substituted(text, _NAMES) for name, text in values.items()}
    return {name: text for name, text in new_values.items() if text is not None}
