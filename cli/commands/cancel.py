"""`repair cancel ID`."""

from __future__ import annotations

from cli.display.jobs import state_word
from cli.display.progress.watch import guarded
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.service_options import ServiceOptions


def run_cancel(job_id: str, server_options: ServiceOptions) -> int:
    def work(_log: object) -> int:
        with job_client(server_options.server) as client:
            job = client.cancel(job_id)
        if server_options.as_json:
            print(job.model_dump_json())
        elif job.live:
            print(f"{job.id} is asked to stop; its worker ends it within seconds.")
        else:
            print(f"{job.id} is {state_word(job).replace('_', ' ')}.")
        return ExitCode.OK

    return guarded(work, as_json=server_options.as_json)
