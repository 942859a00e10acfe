"""`repair jobs`: what is in the queue, and what was."""

from __future__ import annotations

import json
import sys

from cli.display.console import make_console
from cli.display.jobs import jobs_table
from cli.display.progress.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.service_options import ServiceOptions

MAX_LISTED_JOBS = 200


def run_jobs(states: tuple[str, ...], limit: int, server_options: ServiceOptions) -> int:
    def work(_log: object) -> int:
        from workers.records import JobState

        unknown_states = [state for state in states if state not in tuple(JobState)]
        if unknown_states:
            raise BadInput(f"--state must be one of {', '.join(JobState)}.")
        if not 1 <= limit <= MAX_LISTED_JOBS:
            raise BadInput(f"--limit must be 1 to {MAX_LISTED_JOBS}.")
        with job_client(server_options.server) as client:
            jobs = client.jobs(states=[JobState(state) for state in states], limit=limit)
        if server_options.as_json:
            print(json.dumps([job.model_dump(mode="json") for job in jobs]))
        elif jobs:
            make_console(sys.stdout).print(jobs_table(jobs))
        else:
            print("There are no such jobs; `repair submit REPO` makes one.")
        return ExitCode.OK

    return guarded(work, as_json=server_options.as_json)
