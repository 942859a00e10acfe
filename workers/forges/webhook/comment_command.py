"""`/repair …` in a comment: what somebody asks for. The words are untrusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from workers.forges.wording import Wording

MAX_TESTS = 20
MAX_TEST_ID_CHARACTERS = 300

_HELP_TEXT = """\
| comment | does |
|---|---|
| `/repair` | repairs what fails on the default branch, or at the head of this {pull} |
| `/repair tests/test_x.py` | looks only at these tests; several are allowed |
| `/repair status` | says how far the work on this issue or {pull} is |
| `/repair cancel` | ends it |
| `/repair help` | this table |

Write or admin permission on the repository is needed.
"""


def help_text(wording: Wording) -> str:
    """What can be asked for, as a table."""
    return _HELP_TEXT.format(pull=wording.pull)


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
    hint: str = ""
    """Of a command that was mistyped: what was probably meant. Our own words."""


_LINE = re.compile(
    # Each letter has one place: with two for a blank, a line of them would take for ever.
    r"^[ ]{0,3}/(?P<name>[A-Za-z]+)[:,.!]?(?P<rest>[ \t][^\r\n]*)?\r?$",
    re.MULTILINE,
)
_TEST_ID = re.compile(r"(?!-)[\w./:\[\]\-, =+]+")
_FENCE = re.compile(r"^[ ]{0,3}(?P<mark>```+|~~~+).*?(?:^[ ]{0,3}(?P=mark)|\Z)", re.S | re.M)
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NAME = "repair"
_WORDS = ("cancel", "status", "help")
_NEAR = 0.75
"""Of difflib's ratio, from which a word is taken for a mistyped one."""
_NEAR_NAME = 0.8
"""The same for the command itself: `/prepare` may be another bot's."""
_NO_TEST = "This names no test of the project, and there are no options."
_PUNCTUATION = ".,;:!?"


def read_command(body: str) -> Command | None:
    """The first command of a comment; None without one.

    It stands at the start of a line of its own, in any case. Quoted lines, code and HTML comments
    ask for nothing: people show commands to each other there. Words around the tests are passed
    over; what looks like a test or an option and can be none asks for help.
    """
    for match in _LINE.finditer(_FENCE.sub("", _HIDDEN.sub("", body))):
        name = match["name"].lower()
        if name == _NAME:
            return _asked((match["rest"] or "").split())
        if get_close_matches(name, [_NAME], cutoff=_NEAR_NAME):
            return Command(Action.HELP, hint="Did you mean `/repair`?")
    return None


def _asked(words: list[str]) -> Command:
    first = words[0].rstrip(_PUNCTUATION).lower() if words else ""
    if first in _WORDS:
        return Command(Action(first))
    if near := get_close_matches(first, _WORDS, n=1, cutoff=_NEAR):
        return Command(Action.HELP, hint=f"Did you mean `/repair {near[0]}`?")
    tests = tuple(word for word in words if _is_test(word))
    if len(tests) < len(words):  # a sentence: `e.g.` in it is no test
        candidates = (word.rstrip(_PUNCTUATION) for word in words)
        tests = tuple(word for word in candidates if _looks_like_test(word) and _is_test(word))
        bare_words = [word.rstrip(_PUNCTUATION) for word in words]
        if any(_looks_meant(word) for word in bare_words if word not in tests):
            return Command(Action.HELP, hint=_NO_TEST)
    if len(tests) > MAX_TESTS:
        return Command(Action.HELP, hint=f"At most {MAX_TESTS} tests can be named.")
    return Command(Action.REPAIR, tests)


def _looks_like_test(text: str) -> bool:
    return ".py" in text or "::" in text


def _looks_meant(text: str) -> bool:
    """Whether a word was meant for more than a sentence: an option, a path, a test."""
    is_option = text.startswith("-") and text.strip("-") != ""
    return is_option or _looks_like_test(text) or text.startswith(("/", "..", "$"))


def _is_test(text: str) -> bool:
    """Looks like `tests/test_x.py::test_y`: never an option, never a path out of the project."""
    if len(text) > MAX_TEST_ID_CHARACTERS or not _TEST_ID.fullmatch(text):
        return False
    path = text.partition("::")[0]
    return not path.startswith("/") and ".." not in path.split("/") and "." in path
