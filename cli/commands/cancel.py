"""`repair cancel ID`."""

from __future__ import annotations

from cli.exit_codes import ExitCode
from cli.job_words import state_word
from cli.jobs import job_client
from cli.service_options import Asked
from cli.watch import guarded


def run_cancel(job_id: str, asked: Asked) -> int:
    def work(_log: object) -> int:
        with job_client(asked.server) as client:
            job = client.cancel(job_id)
        if asked.as_json:
            print(job.model_dump_json())
        elif job.live:
            print(f"{job.id} is asked to stop; its worker ends it within seconds.")
        else:
            print(f"{job.id} is {state_word(job).replace('_', ' ')}.")
        return ExitCode.OK

    return guarded(work, as_json=asked.as_json)
