"""`repair status ID`: where a job is."""

from __future__ import annotations

import json
import sys

from cli.display.console import make_console
from cli.display.jobs import show_job
from cli.display.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.service_options import Asked


def run_status(job_id: str, asked: Asked, *, patch: bool) -> int:
    def work(_log: object) -> int:
        from workers.jobs.progress import JobProgress, progress_json

        with job_client(asked.server) as client:
            job = client.job(job_id)
            if patch:
                found = client.patch(job.id)
                if found is None:
                    raise BadInput(f"Job {job.id} has no patch ({job.state}).")
                sys.stdout.buffer.write(found)
                sys.stdout.buffer.flush()
                return ExitCode.OK
            progress = JobProgress().with_events(client.events(job.id, wait=False))
        if asked.as_json:
            print(json.dumps(job.model_dump(mode="json") | {"progress": progress_json(progress)}))
        else:
            show_job(make_console(sys.stdout), job, progress)
        return ExitCode.OK

    return guarded(work, as_json=asked.as_json)
