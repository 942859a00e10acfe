"""`repair service up`: everything on one machine."""

from __future__ import annotations

from cli.commands.worker import until_signal
from cli.console import say
from cli.exit_codes import ExitCode
from cli.jobs import service_errors
from cli.watch import guarded


def run_service_up(processes: int) -> int:
    def work(_log: object) -> int:
        with service_errors():
            from workers.host.service import keep_serving

            with until_signal() as stop:
                keep_serving(processes, stop.is_set, say)
        return ExitCode.OK

    return guarded(work)
