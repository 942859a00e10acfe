"""The reason of an ending for people on a forge, who have no command line of this service.

The reasons name options of `repair`, since that is where most of them are read. Here each option
is called what a maintainer calls it: a word of `/repair`, or a setting of the service's policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

IN_THE_POLICY = "in the service's policy"
OPTIONS: Mapping[str, str] = {
    "--env": f"env {IN_THE_POLICY}",
    "--include-tests": "a repair on the command line",
    "--install": f"install {IN_THE_POLICY}",
    "--issue": "/repair in an issue that describes it",
    "--max-candidates": f"max_seconds {IN_THE_POLICY}",
    "--max-seconds": f"max_seconds {IN_THE_POLICY}",
    "--model": f"model {IN_THE_POLICY}",
    "--model-url": f"model_url {IN_THE_POLICY}",
    "--only": "/repair",
    "--python": f"python {IN_THE_POLICY}",
    "--test": f"test {IN_THE_POLICY}",
}
"""Option of the command → what takes its place there."""
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![\w-])")
_COMMAND = re.compile(r"`repair [a-z][^`]*`")


def advised(reason: str) -> str:
    """The reason with the words of a forge, and without commands that are of no use there."""
    text = _without_commands(reason)
    return _OPTION.sub(lambda found: OPTIONS.get(found[0], found[0]), text).strip(" ;,")


def _without_commands(text: str) -> str:
    """The text without the clauses that name a command of this program: each from the comma or
    semicolon before it to the semicolon after it. A reason may quote what a repository printed, so
    this takes time in proportion to its length."""
    kept_parts: list[str] = []
    position = 0
    while match := _COMMAND.search(text, position):
        separators = (text.rfind(sign, position, match.start()) for sign in ";,")
        kept_parts.append(text[position : max(position, *separators)])
        end = text.find(";", match.end())
        position = len(text) if end < 0 else end
    return "".join([*kept_parts, text[position:]])
