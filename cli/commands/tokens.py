"""`repair tokens create|list|revoke`: who may use the job API. Works on the database at hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from agent.untrusted_text import printable
from cli.display.console import make_console, say
from cli.display.progress.watch import guarded
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.job_client import service_errors

if TYPE_CHECKING:
    from workers.web.auth.tokens import Token, TokenStore


def run_create(
    name: str, scopes: tuple[str, ...], *, owner: str | None, days: float | None, as_json: bool
) -> int:
    def work(_log: object) -> int:
        if days is not None and not 0 < days < 36_500:
            raise BadInput(f"--days {days:g} is no time; give a number above 0.")
        with _tokens() as store:
            from workers.web.auth.scopes import Scope

            unknown_scopes = [scope for scope in scopes if scope not in tuple(Scope)]
            if unknown_scopes:
                raise BadInput(f"--scope must be one of {', '.join(Scope)}.")
            known_scopes = frozenset(Scope(scope) for scope in scopes)
            token, secret = store.create(name, known_scopes, owner=owner or name, days=days)
        if as_json:
            print(json.dumps(_plain(token) | {"token": secret}))
        else:
            print(secret, flush=True)
            say(f"Keep it now: it is not shown again. `repair tokens revoke {token.id}` ends it.")
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def run_list(*, as_json: bool) -> int:
    def work(_log: object) -> int:
        with _tokens() as store:
            tokens = store.all()
        if as_json:
            print(json.dumps([_plain(token) for token in tokens]))
        elif tokens:
            make_console(sys.stdout).print(_table(tokens))
        else:
            print("There are no tokens; `repair tokens create NAME --scope read` makes one.")
        return ExitCode.OK

    return guarded(work, as_json=as_json)


def run_revoke(token_id: str, *, as_json: bool) -> int:
    def work(_log: object) -> int:
        with _tokens() as store:
            token = store.revoke(token_id)
        print(json.dumps(_plain(token)) if as_json else f"{token.id} ({token.name}) is revoked.")
        return ExitCode.OK

    return guarded(work, as_json=as_json)


@contextmanager
def _tokens() -> Iterator[TokenStore]:
    with service_errors():
        from workers.config import ServiceSettings
        from workers.store.store import open_store
        from workers.web.auth.tokens import TokenStore

        store = open_store(ServiceSettings())
        try:
            store.migrate()
            yield TokenStore(store.engine)
        finally:
            store.close()


def _plain(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
    }


def _table(tokens: list[Token]) -> Table:
    table = Table("ID", "NAME", "OWNER", "SCOPES", "CREATED", "STATE", box=None, pad_edge=False)
    for token in tokens:
        state = "revoked" if token.revoked_at else "live"
        if token.expires_at and not token.revoked_at:
            state = f"until {token.expires_at:%Y-%m-%d}"
        table.add_row(
            Text(token.id),
            Text(printable(token.name)),
            Text(printable(token.owner)),
            Text(" ".join(sorted(token.scopes))),
            Text(f"{token.created_at:%Y-%m-%d %H:%M}"),
            Text(state),
        )
    return table
