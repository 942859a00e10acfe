"""The code with the patch and the code without it, asked the same."""

from __future__ import annotations

import json

from sandbox.languages.python.runners.split.messages import Message, Side, at_side
from sandbox.languages.python.runners.split.server import Server

_CALLS_BACK: Message = {"how": "unsendable", "why": "it calls back", "foreign": False}


class Pair:
    """The code with the patch, and the code without it asked the same beside it."""

    def __init__(self, patch: Server, base: Server) -> None:
        self._patch, self._base = patch, base
        self._parted = False
        """Within this call the two are no longer at the same point."""

    def ask(self, message: Message) -> tuple[Message, bool]:
        """The patch's answer, and whether the base gave another one."""
        if self._parted:
            answer = self._patch.ask(at_side(message, Side.PATCH))
            self._parted = "ask" in answer
            return answer, True
        answer = self._patch.ask(at_side(message, Side.PATCH))
        base_answer = self._base.ask(at_side(message, Side.BASE))
        if ("ask" in answer) != ("ask" in base_answer):
            while "ask" in base_answer:  # it calls back, alone: nobody can answer
                base_answer = self._base.ask(_CALLS_BACK)
            self._parted = "ask" in answer
            return answer, True
        return answer, json.dumps(answer) != json.dumps(base_answer)
