"""The reason of an ending for people on GitHub, who have no command line of this service.

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
"""Option of the command → what takes its place on GitHub."""
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![\w-])")
_COMMAND = re.compile(r"[;,]?[^;,]*`repair [a-z]+[^`]*`[^;]*")
"""A clause that names a command of this program."""


def advised(reason: str) -> str:
    """The reason with the words of GitHub, and without commands that are of no use there."""
    text = _COMMAND.sub("", reason)
    return _OPTION.sub(lambda found: OPTIONS.get(found[0], found[0]), text).strip(" ;,")
