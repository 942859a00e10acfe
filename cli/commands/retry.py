"""`repair retry ID`."""

from __future__ import annotations

from cli.display.follow import place_of
from cli.display.watch import guarded
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.service_options import Asked


def run_retry(job_id: str, server_options: Asked) -> int:
    def work(_log: object) -> int:
        with job_client(server_options.server) as client:
            job = client.retry(job_id)
        print(
            job.model_dump_json()
            if server_options.as_json
            else f"{job.id} is queued. {place_of(job)}."
        )
        return ExitCode.OK

    return guarded(work, as_json=server_options.as_json)
