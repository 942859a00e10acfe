"""`python -m workers.sandbox_check`: which sandbox works on this machine, as JSON."""

from __future__ import annotations

import json

from agent.config import Settings
from sandbox.choose import choose
from sandbox.errors import SandboxError


def main() -> None:
    """Print `{"sandbox": "docker", "trouble": ""}`, or why there is none."""
    try:
        found, trouble = choose("auto", Settings().build_settings()).name, ""
    except SandboxError as error:
        found, trouble = "", str(error)
    print(json.dumps({"sandbox": found, "trouble": trouble}))


if __name__ == "__main__":
    main()
