"""Messages between the tests and the code they call, and of whom they speak."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from enum import IntEnum
from typing import Any

from sandbox.machine_identity import TEMPORARY, MachineIdentity

Message = dict[str, Any]


class Side(IntEnum):
    """Whose place of a function is meant: the two files differ in their lines."""

    BASE = 0
    PATCH = 1


Function = tuple[str, str]
"""Path and name of a function, without its class."""

ON_IMPORT: Function = ("", "")
"""Stands for what no call does, but the import of a module."""


MachineQuestions = Mapping[Function, Set[str]]
"""What functions asked of the machine: names such as `os.stat`."""


def at_side(message: Message, side: Side) -> Message:
    """`placed`, where the message speaks of a function's place."""
    return placed(message, side) if "path" in message.get("ask", {}) else message


def placed(question: Message, side: Side) -> Message:
    """The question as the server on this side understands it."""
    target = question["ask"]
    return {**question, "ask": {**target, "line": target["lines"][side]}}


def moved(message: Mapping[str, Any], source: MachineIdentity, target: MachineIdentity) -> Message:
    """The message with the places of one machine as the other knows them: a path that a test
    passes on, or is given, names the same file there."""
    moved_text = json.dumps(message)
    for place, new_place in ((source.workspace, target.workspace), (source.home, target.home)):
        if place != new_place and place != TEMPORARY:
            moved_text = re.sub(rf"{re.escape(place)}(?![\w.-])", new_place, moved_text)
    moved_message: Message = json.loads(moved_text)
    return moved_message
