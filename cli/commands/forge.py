"""`repair forge status`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from agent.serialization import plain
from agent.untrusted_text import printable, shortened
from cli.display.console import make_console
from cli.display.progress.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.job_client import service_errors

if TYPE_CHECKING:
    from workers.forges.forge import Forge
    from workers.forges.intake.inbox import Entry


def run_status(*, limit: int, as_json: bool) -> int:
    def work(_log: object) -> int:
        with _forges() as forges:
            shown = {forge.name: (_problem(forge), forge.inbox.newest(limit)) for forge in forges}
            titles = {forge.name: forge.wording.title for forge in forges}
        if as_json:
            records = {
                name: {"problem": problem, "deliveries": [plain(entry) for entry in entries]}
                for name, (problem, entries) in shown.items()
            }
            print(json.dumps(records))
            return ExitCode.OK
        for name, (problem, entries) in shown.items():
            print(f"{titles[name]}: {printable(problem) or 'the token is taken'}")
            if entries:
                make_console(sys.stdout).print(delivery_table(entries))
            else:
                print("Nothing came from there yet.")
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def _problem(forge: Forge) -> str:
    """Why the forge cannot be used now; empty where it can."""
    from workers.forges.errors import ForgeError

    try:
        forge.own_id  # noqa: B018 - the answer matters, not the id
    except ForgeError as error:
        return str(error)
    return ""


@contextmanager
def _forges() -> Iterator[list[Forge]]:
    """The forges of the settings, over the service's database."""
    with forge_errors():
        from workers.config import ServiceSettings
        from workers.configured_forges import open_forges
        from workers.store.store import open_store

        store = open_store(ServiceSettings())
        try:
            forges = open_forges(store)
            if not forges:
                raise BadInput("No forge is set up here (docs/github.md, docs/forges.md).")
            store.migrate()
            yield forges
            for forge in forges:
                forge.close()
        finally:
            store.close()


@contextmanager
def forge_errors() -> Iterator[None]:
    """Errors of the forges' side as sentences of the command line."""
    with service_errors():
        from workers.forges.errors import DeliveryRefused, ForgeError, NotConfigured

        try:
            yield
        except (DeliveryRefused, NotConfigured) as error:
            raise BadInput(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        except ForgeError as error:
            raise OSError(str(error)) from error


def delivery_table(entries: list[Entry]) -> Table:
    """Deliveries, one a line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("RECEIVED", "EVENT", "REPOSITORY", "BY", "OUTCOME", "JOB", "REASON"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for entry in entries:
        cells: list[Any] = [
            entry.received_at.astimezone().strftime("%Y-%m-%d %H:%M"),
            shortened(entry.event, 30),
            shortened(entry.repository, 40),
            shortened(entry.actor or "", 20),
            entry.outcome.value,
            entry.job_id or "",
            shortened(entry.reason, 60),
        ]
        table.add_row(*(Text(cell) for cell in cells))
    return table
