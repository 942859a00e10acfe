"""`repair logs ID`: what happened to a job, as lines."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from agent.event_storage import from_wire
from agent.events import CandidateValidated, SearchProgress
from agent.untrusted_text import printable
from agent.wording import line_of
from cli.display.progress.watch import guarded
from cli.exit_codes import ExitCode
from cli.job_client import job_client
from cli.options.service_options import ServiceOptions

if TYPE_CHECKING:
    from workers.jobs.view import EventView


def run_logs(job_id: str, server_options: ServiceOptions, *, follow: bool, verbose: bool) -> int:
    def work(_log: object) -> int:
        # Reading changes nothing: Ctrl-C and SIGTERM may end it where it is.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with job_client(server_options.server) as client:
            for event in client.events(job_id, wait=follow):
                line = event.to_json() if server_options.as_json else line_for(event, verbose)
                if line is not None:
                    sys.stdout.write(line + "\n")
                    sys.stdout.flush()
        return ExitCode.OK

    return guarded(work, as_json=server_options.as_json)


def line_for(event: EventView, verbose: bool) -> str | None:
    """One line for people; None for what only --verbose tells."""
    at = event.at.astimezone().strftime("%H:%M:%S")
    decoded_event = from_wire(event.kind, event.data)
    if decoded_event is None:
        facts = ", ".join(f"{key} {value}" for key, value in event.data.items() if value)
        return f"{at} {printable(event.kind)}{f': {printable(facts)}' if facts else ''}"
    is_rejected = isinstance(decoded_event, CandidateValidated) and not decoded_event.plausible
    if not verbose and (is_rejected or isinstance(decoded_event, SearchProgress)):
        return None
    line = line_of(decoded_event)
    return None if line is None else f"{at} {line}"
