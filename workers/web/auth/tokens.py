"""API tokens: made once, shown once, kept as a hash.

A token is `repair_` and 256 random bits. The prefix lets secret scanners find one that was
committed by mistake. SHA-256 without salt or stretching is enough at rest: those protect
secrets that a person chose and a dictionary can hold; nobody counts through 2**256, and a slow
hash would only slow down every request. Looking a token up by its hash leaks nothing by its
timing: who guesses tokens does not choose the hashes that are compared.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, insert, or_, select, update

from workers.errors import BadRequest, TokenNotFound
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import reading, writing
from workers.store.tables import api_tokens
from workers.web.auth.scopes import Scope

PREFIX = "repair_"
SECRET_BYTES = 32
MAX_NAME_CHARACTERS = 100
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Token:
    """The record of an API token, without its secret."""

    id: str
    name: str
    owner: str
    """Tokens of one owner see the same jobs."""
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    digest: str
    """SHA-256 of the secret, in hex."""


class TokenStore:
    """The table of tokens. Each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self, name: str, scopes: Collection[Scope], *, owner: str, days: float | None = None
    ) -> tuple[Token, str]:
        """Make a token. Returns it and its secret, which cannot be had again."""
        for label in (name, owner):
            if not label.strip() or len(label) > MAX_NAME_CHARACTERS or not label.isprintable():
                raise BadRequest(f"a name must be printable, 1 to {MAX_NAME_CHARACTERS} characters")
        if not scopes:
            raise BadRequest("a token without a scope could do nothing")
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        row = {
            "id": secrets.token_hex(4),
            "name": name,
            "owner": owner,
            "hash": digest_of(secret),
            "scopes": " ".join(sorted(scopes)),
            "created_at": database_now(),
            "expires_at": None if days is None else seconds_from_now(days * DAY_SECONDS),
        }
        with writing(self._engine) as connection:
            record = connection.execute(insert(api_tokens).values(row).returning(api_tokens)).one()
        return _token(record), secret

    def find(self, secret: str) -> Token | None:
        """The token with this secret, if it is neither revoked nor expired."""
        if not secret.startswith(PREFIX):
            return None
        return self._live(api_tokens.c.hash == digest_of(secret))

    def live(self, token_id: str) -> Token | None:
        """The token with this id, if it is neither revoked nor expired."""
        return self._live(api_tokens.c.id == token_id)

    def none_yet(self) -> bool:
        """Whether no token was ever made, revoked ones included."""
        with reading(self._engine) as connection:
            return connection.execute(select(api_tokens.c.id).limit(1)).first() is None

    def all(self) -> list[Token]:
        """Every token, the oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(api_tokens).order_by(api_tokens.c.created_at))
            return [_token(row) for row in rows]

    def revoke(self, token_id: str) -> Token:
        """From now on it opens nothing. Raises TokenNotFound."""
        statement = (
            update(api_tokens)
            .where(api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
            .values(revoked_at=database_now())
            .returning(api_tokens)
        )
        with writing(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            raise TokenNotFound(f"there is no live token {token_id!r}")
        return _token(row)

    def _live(self, condition: Any) -> Token | None:
        expires = api_tokens.c.expires_at
        query = select(api_tokens).where(
            condition,
            api_tokens.c.revoked_at.is_(None),
            or_(expires.is_(None), expires > database_now()),
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _token(row)


def digest_of(secret: str) -> str:
    """The digest under which the secret of a token is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        owner=row.owner,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        digest=row.hash,
    )
