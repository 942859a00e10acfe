"""Runs a script in the environment of mini-swe-agent, which has its own packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

MAX_SECONDS = 600


def ask_mini(python: Path, script: str, question: Any) -> Any:
    """The JSON on the last line that a script beside this file prints, given the question as JSON.

    Ends the program with what it said where it fails.
    """
    ended = subprocess.run(
        [str(python), str(Path(__file__).with_name(script))],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
        check=False,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "MSWEA_SILENT_STARTUP": "1"},
    )
    if ended.returncode:
        sys.exit(f"mini-swe-agent ended with {ended.returncode}: {ended.stderr[-800:]}")
    return json.loads(ended.stdout.strip().splitlines()[-1])
