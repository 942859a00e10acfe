"""`/repair …` in a comment: what somebody asks for. The words are untrusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_TESTS = 20
MAX_TEST_ID_CHARACTERS = 300

HELP_TEXT = """\
| comment | does |
|---|---|
| `/repair` | repairs what fails on the default branch, or at the head of this pull request |
| `/repair tests/test_x.py` | looks only at these tests; several are allowed |
| `/repair status` | says how far the work on this issue or pull request is |
| `/repair cancel` | ends it |
| `/repair help` | this table |

Write or admin permission on the repository is needed.
"""


class Action(StrEnum):
    """What a trigger asks for."""

    REPAIR = "repair"  # start a job, unless one is live for the target
    CANCEL = "cancel"  # end the live job
    STATUS = "status"  # answer how far it is
    HELP = "help"  # answer what can be asked


@dataclass(frozen=True)
class Command:
    """A command in a comment, with the tests that it names."""

    action: Action
    tests: tuple[str, ...] = ()


_LINE = re.compile(r"^[ ]{0,3}/repair(?:[ \t]+(?P<rest>[^\r\n]*))?[ \t]*$", re.MULTILINE)
_TEST_ID = re.compile(r"(?!-)[\w./:\[\]\-, =+]+")
_FENCE = re.compile(r"^[ ]{0,3}(?P<mark>```+|~~~+).*?(?:^[ ]{0,3}(?P=mark)|\Z)", re.S | re.M)
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def read_command(body: str) -> Command | None:
    """The first command of a comment; None without one.

    It stands at the start of a line of its own. Quoted lines, code and HTML comments ask for
    nothing: people show commands to each other there. Words that cannot be a test ask for help.
    """
    match = _LINE.search(_FENCE.sub("", _HIDDEN.sub("", body)))
    if match is None:
        return None
    arguments = (match["rest"] or "").split()
    if len(arguments) == 1 and arguments[0] in ("cancel", "status", "help"):
        return Command(Action(arguments[0]))
    if all(_is_test(argument) for argument in arguments) and len(arguments) <= MAX_TESTS:
        return Command(Action.REPAIR, tuple(arguments))
    return Command(Action.HELP)


def _is_test(text: str) -> bool:
    """Looks like `tests/test_x.py::test_y`: never an option, never a path out of the project."""
    if len(text) > MAX_TEST_ID_CHARACTERS or not _TEST_ID.fullmatch(text):
        return False
    path = text.partition("::")[0]
    return not path.startswith("/") and ".." not in path.split("/") and "." in path
