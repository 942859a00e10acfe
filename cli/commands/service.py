"""`repair service up`: everything on one machine."""

from __future__ import annotations

from cli.commands.worker import until_signal
from cli.display.console import say
from cli.display.progress.watch import guarded
from cli.exit_codes import ExitCode
from cli.job_client import service_errors


def run_service_up(processes: int) -> int:
    def work(_log: object) -> int:
        with service_errors():
            from workers.host.service import keep_serving

            with until_signal() as stop:
                keep_serving(processes, stop.is_set, say)
        return ExitCode.OK

    return guarded(work)
