"""`repair retry ID`."""

from __future__ import annotations

from cli.exit_codes import ExitCode
from cli.follow import place_of
from cli.jobs import job_client
from cli.service_options import Asked
from cli.watch import guarded


def run_retry(job_id: str, asked: Asked) -> int:
    def work(_log: object) -> int:
        with job_client(asked.server) as client:
            job = client.retry(job_id)
        print(job.model_dump_json() if asked.as_json else f"{job.id} is queued. {place_of(job)}.")
        return ExitCode.OK

    return guarded(work, as_json=asked.as_json)
