"""`repair status ID`: where a job is."""

from __future__ import annotations

import json
import sys

from cli.display.console import make_console
from cli.display.jobs import show_job
from cli.display.progress.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.service_options import ServiceOptions


def run_status(job_id: str, server_options: ServiceOptions, *, patch: bool) -> int:
    def work(_log: object) -> int:
        from workers.jobs.progress import JobProgress, progress_json

        with job_client(server_options.server) as client:
            job = client.job(job_id)
            if patch:
                diff = client.patch(job.id)
                if diff is None:
                    raise BadInput(f"Job {job.id} has no patch ({job.state}).")
                sys.stdout.buffer.write(diff)
                sys.stdout.buffer.flush()
                return ExitCode.OK
            progress = JobProgress().with_events(client.events(job.id, wait=False))
        if server_options.as_json:
            print(json.dumps(job.model_dump(mode="json") | {"progress": progress_json(progress)}))
        else:
            show_job(make_console(sys.stdout), job, progress)
        return ExitCode.OK

    return guarded(work, as_json=server_options.as_json)
