"""A backup of PostgreSQL, restored as docs/operations.md says, holds what was there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.documents import document
from tests.support.services import PostgresServer, postgresql_program
from tests.support.store_case import a_request
from workers.config import ServiceSettings
from workers.store.store import open_store


def words(program: str) -> list[str]:
    """The options that the document gives a program, without names of user and database."""
    section = document("docs/operations.md").section("## Backup and upgrade")
    (line,) = re.findall(rf"postgres {program} (.*?) ?[<>]", section)
    return re.sub(r"-[Ud] repair|\brepair\b", "", line).split()


def run(program: str, *arguments: str, text: str = "") -> str:
    path = postgresql_program(program)
    assert path is not None
    argv = [path, *arguments]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def test_what_was_saved_is_there_again(postgres: PostgresServer, tmp_path: Path) -> None:
    saved, restored = postgres.database(), postgres.database()
    store = open_store(ServiceSettings(state_dir=tmp_path, database_url=saved))
    store.migrate()
    job = store.submit(a_request()).job
    store.close()
    text = run("pg_dump", *words("pg_dump"), saved)
    run("psql", "-X", *words("psql"), restored, text=text)
    store = open_store(ServiceSettings(state_dir=tmp_path, database_url=restored))
    try:
        store.migrate()
        assert store.job(job.id) == job
        claim = store.claim(job.id, "worker")
        assert claim is not None, "it goes on from there"
    finally:
        store.close()
