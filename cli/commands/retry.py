"""`repair retry ID`."""

from __future__ import annotations

from agent.runs.folder import has_part
from agent.untrusted_text import printable
from cli.display.progress.follow import place_of
from cli.display.progress.watch import guarded
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.service_options import ServiceOptions


def run_retry(job_id: str, server_options: ServiceOptions) -> int:
    def work(_log: object) -> int:
        with job_client(server_options.server) as client:
            job = client.retry(job_id)
        print(
            job.model_dump_json()
            if server_options.as_json
            else f"{job.id} is queued{_beside(job.id, job_id)}. {place_of(job)}."
        )
        return ExitCode.OK

    return guarded(work, as_json=server_options.as_json)


def _beside(new_id: str, old_id: str) -> str:
    """What became of the old job, where the new one is another."""
    is_same = has_part(new_id, old_id)
    return "" if is_same else f", beside {printable(old_id)}, which keeps its result"
