"""`python -I …/run_module.py MODULE ARGUMENT…` runs a module of this program, from its own folder.

With `-m` alone Python would look for it in the current folder, and with `-I` only where programs
are installed.
"""

from __future__ import annotations

import runpy  # noqa: TID251 - a module of this program, from its own folder
import sys
from pathlib import Path


def main() -> None:
    del sys.argv[0]
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
