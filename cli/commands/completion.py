"""`repair completion SHELL`."""

from __future__ import annotations

from cli.completion import script
from cli.display.progress.watch import guarded
from cli.exit_codes import ExitCode


def run_completion(shell: str) -> int:
    def work(_log: object) -> int:
        print(script(shell))
        return ExitCode.OK

    return guarded(work)
