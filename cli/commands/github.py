"""`repair github setup|status|replay`."""

from __future__ import annotations

import json
import sys
import threading
import webbrowser  # noqa: TID251 - the user's own; PATH is clean by then
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.serialization import plain
from agent.untrusted_text import printable
from cli.commands.forge import delivery_table, forge_errors
from cli.display.console import make_console, say
from cli.display.interrupt import run_interruptible
from cli.display.progress.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from workers.forges.intake.inbox import Entry
    from workers.github.connection import GitHub
    from workers.github.redelivery import MissedDelivery


def run_setup(
    url: str,
    *,
    org: str | None,
    name: str,
    server: str | None,
    browser: bool,
    bind: str,
    port: int,
    print_env: bool,
    as_json: bool,
) -> int:
    def work(_log: object) -> int:
        with forge_errors():
            from workers.github.config import read_github_settings
            from workers.github.setup import AppRequest, ListenOptions, save, set_up, variables

            settings = read_github_settings()
            if settings.app_file.exists() and not print_env:
                raise BadInput(
                    f"There is an App already: {settings.app_file}. Move that file away to make "
                    "another one."
                )
            web = _of_tls(server, "--server").rstrip("/") if server else settings.web_url
            app_request = AppRequest(
                name=name,
                service_url=_of_tls(url, "--url"),
                organisation=org,
                api_url=f"{web}/api/v3" if server else settings.api_url,
                web_url=web,
            )

            def show(address: str) -> None:
                say(f"Open {address} in a browser on this machine, and press the button there.")
                if browser:
                    webbrowser.open(address)

            stop = threading.Event()
            app = run_interruptible(
                lambda: set_up(app_request, ListenOptions(bind=bind, port=port), show, stop),
                stop,
                on_first=lambda: say("Stopping."),
                on_second=lambda: None,
            )
            if app is None:
                return ExitCode.INTERRUPTED
            if not print_env:
                save(app.settings, settings.app_file)
        install = f"{app.html_url}/installations/new"
        if print_env:
            print(variables(app.settings))
            say(f"Install the App {printable(app.slug)} on your repositories: {printable(install)}")
        else:
            _print_app(app.slug, settings.app_file, install, as_json=as_json)
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def _print_app(slug: str, file: Path, install: str, *, as_json: bool) -> None:
    """The App that was made, and where its key is."""
    if as_json:
        print(json.dumps({"slug": slug, "file": str(file), "install": install}))
    else:
        print(f"The App {printable(slug)} is made; its key is in {file}.")
        print(f"Install it on your repositories: {printable(install)}")


def run_status(*, redeliver: bool, limit: int, as_json: bool) -> int:
    def work(_log: object) -> int:
        with _github() as github:
            from workers.forges.errors import ForgeError
            from workers.github.redelivery import missed
            from workers.github.redelivery import redeliver as send_again

            entries = github.inbox.newest(limit)
            problem, deliveries = "", []
            try:
                deliveries = missed(github)
                for delivery in deliveries if redeliver else ():
                    send_again(github, delivery)
            except ForgeError as error:
                if redeliver:
                    raise
                problem = str(error)  # what is here can be shown all the same
        if as_json:
            record = {
                "deliveries": [plain(e) for e in entries],
                "missed": [plain(m) for m in deliveries],
            }
            print(json.dumps(record | ({"problem": problem} if problem else {})))
        else:
            _show(entries, deliveries, redeliver=redeliver, problem=problem)
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def run_replay(
    file: Path, *, event: str | None, url: str | None, as_new: bool, as_json: bool
) -> int:
    def work(_log: object) -> int:
        if not file.is_file():
            raise BadInput(f"There is no file {printable(str(file))}.")
        with forge_errors():
            from workers.config import ServiceSettings
            from workers.github.config import read_github_settings
            from workers.github.webhook.replay import read_recorded, send

            service = ServiceSettings()
            own_url = f"http://{service.listen_host}:{service.listen_port}"
            secret = read_github_settings().require_secret()
            target = _address(url, "--url") if url else own_url
            answer = send(read_recorded(file, event), target, secret, as_new=as_new)
        if as_json:
            print(json.dumps({"status_code": answer.status_code, "answer": answer.text}))
        else:
            print(f"{answer.status_code} {printable(answer.text)}")
        return ExitCode.OK if answer.status_code < 300 else ExitCode.NOT_REPAIRED

    return guarded(work, as_json=as_json)


@contextmanager
def _github() -> Iterator[GitHub]:
    """The GitHub of the settings, over the service's database."""
    with forge_errors():
        from workers.config import ServiceSettings
        from workers.github.config import is_configured, read_github_settings
        from workers.github.connection import open_github
        from workers.store.store import open_store

        settings = read_github_settings()
        if not is_configured(settings):
            raise BadInput(
                "GitHub is not set up here: `repair github setup --url URL` does that, or the "
                "REPAIR_GITHUB_* variables (docs/github.md)."
            )
        store = open_store(ServiceSettings())
        try:
            store.migrate()
            github = open_github(settings, store)
            try:
                yield github
            finally:
                github.close()
        finally:
            store.close()


def _address(url: str, option: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadInput(f"{option} must be an address such as https://repair.example.com.")
    return url


def _of_tls(url: str, option: str) -> str:
    """An address that secrets are sent to: over TLS, or not beyond this machine."""
    from workers.forges.settings import is_protected

    if not is_protected(_address(url, option)):
        raise BadInput(f"{option} must begin with https://, since secrets go there.")
    return url


def _show(
    entries: list[Entry], missed_deliveries: list[MissedDelivery], *, redeliver: bool, problem: str
) -> None:
    if entries:
        make_console(sys.stdout).print(delivery_table(entries))
    else:
        print("Nothing came from GitHub yet.")
    if problem:
        say(f"What was missed cannot be told: {printable(problem)}")
    for delivery in missed_deliveries:
        fate = "is sent again" if redeliver else "never arrived"
        event_text = f"{printable(delivery.delivered_at)} {printable(delivery.event)}"
        print(f"{event_text} ({printable(delivery.delivery_id)}) {fate}")
    if missed_deliveries and not redeliver:
        print("`repair github status --redeliver` has GitHub send them again.")
