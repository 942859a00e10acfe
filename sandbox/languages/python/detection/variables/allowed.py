"""Which variables the tests may be given: none that steers the loader, a shell or this program."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_VARIABLES = 200
MAX_NAME_CHARACTERS = 100
MAX_VALUE_CHARACTERS = 8192
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STEERING = re.compile(
    r"""(?:LD_|DYLD_|REPAIR_|COVERAGE_|COV_CORE_|PYTEST_|BASH_|MALLOC_|GLIBC_).*
    | PATH | HOME | USER | LOGNAME | SHELL | PWD | OLDPWD | TMPDIR | TMP | TEMP | VIRTUAL_ENV
    | ENV | IFS | CDPATH | SHELLOPTS | PS4 | PROMPT_COMMAND | __PYVENV_LAUNCHER__
    | GCONV_PATH | LOCPATH | NLSPATH | GETCONF_DIR | HOSTALIASES | LOCALDOMAIN | RES_OPTIONS
    | PYTHON(?!HASHSEED$|DONTWRITEBYTECODE$|UNBUFFERED$|UTF8$|ASYNCIODEBUG$|PATH$).*""",
    re.VERBOSE,
)


def name_objection(name: str) -> str | None:
    """Say why a variable of this name is not set, after "NAME"; None for one that may be.

    PYTHONPATH may be named; of its value only folders of the project count.
    """
    if len(name) > MAX_NAME_CHARACTERS or not _NAME.fullmatch(name):
        return "is no name of a variable"
    if _STEERING.fullmatch(name):
        return "would steer the interpreter, its loader or this program"
    return None


def value_objection(value: str) -> str | None:
    """Say why no variable can have this value, after "the value of NAME"; None for one that can."""
    if len(value) > MAX_VALUE_CHARACTERS:
        return f"is over {MAX_VALUE_CHARACTERS} characters"
    if "\0" in value:
        return "holds a NUL character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is no valid text"
    return None


def check_variables(values: Mapping[str, str]) -> dict[str, str]:
    """Return what somebody asked for. Raises ValueError with a sentence for the first that may
    not be set; no value is in it."""
    if len(values) > MAX_VARIABLES:
        raise ValueError(f"there are more than {MAX_VARIABLES} variables")
    for name, value in values.items():
        if objection := name_objection(name):
            raise ValueError(f"{name[:MAX_NAME_CHARACTERS]!r} {objection}")
        if objection := value_objection(value):
            raise ValueError(f"the value of {name} {objection}")
    return dict(values)
