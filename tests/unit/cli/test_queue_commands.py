"""The commands of the queue, over a store of their own."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.display.progress.follow import until
from cli.main import main
from tests.support.cli_records import DIFF
from tests.support.services import free_port
from tests.support.web_case import EVENTS, EVIL, HOSTILE, Site
from workers.config import ServiceSettings
from workers.store.store import open_store


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A store that the command finds, and the way behind it."""
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("REPAIR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("REPAIR_SERVER", raising=False)
    settings = ServiceSettings()
    store = open_store(settings)
    store.migrate()
    yield Site(settings, store)
    store.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_submit_prints_the_id_and_nothing_else(
    site: Site, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["submit", str(project), "--only", "t::a", "t::b", "--queue", "background"]
    assert main([*words, "--key", "nightly"]) == 0
    out, err = capsys.readouterr()
    job = site.store.job(out.strip())
    assert job.request.repair.only == ("t::a", "t::b")
    assert job.request.queue == "background"
    assert f"repair logs -f {job.id}" in err
    assert main([*words, "--key", "nightly", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["created"], again["job"]["id"]) == (False, job.id)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--queue", "fast"], "--queue must be"),
        (["--runtime", "runsc"], "REPAIR_DOCKER_RUNTIME"),
        (["--allow-host", "a.example"], "REPAIR_ALLOW_HOSTS"),
        (["--output", "x.diff"], "need --wait"),
        (["--apply"], "need --wait"),
        (["--deadline", "-1"], "deadline"),
        (["--max-seconds", "1e9"], "max"),
        (["--server", "ftp://host"], "https://"),
    ],
)
def test_what_cannot_be_queued(
    words: list[str],
    sentence: str,
    site: Site,
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["submit", str(project), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert site.store.jobs() == []


def test_a_server_that_does_not_answer_is_infrastructure(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", "--server", "http://127.0.0.1:9"]) == 3
    assert "does not answer" in capsys.readouterr().err


def test_jobs_status_and_logs(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = site.submit()
    claim = site.start(job, EVENTS)
    assert main(["status", job.id]) == 0
    text = capsys.readouterr().out
    for words in ("running", "propose", "1 test fails, 2 pass", "a.py:3", "tokens", "unknown"):
        assert words in text
    site.finish(claim, tmp_path)
    assert main(["jobs"]) == 0
    assert "repaired" in capsys.readouterr().out
    assert main(["jobs", "--state", "queued", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["status", job.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["progress"]["tried"] == 30
    assert main(["logs", "-f", job.id]) == 0
    text = capsys.readouterr().out
    assert "prepare done" in text
    assert "ended: outcome repaired" in text
    assert main(["logs", job.id, "--json"]) == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds[0] == "queued"
    assert kinds[-1] == "ended"


def test_the_patch_alone(
    site: Site, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    job = site.submit()
    assert main(["status", job.id, "--patch"]) == 2
    site.finish(site.start(job), tmp_path, DIFF)
    capfdbinary.readouterr()
    assert main(["status", job.id, "--patch"]) == 0
    assert capfdbinary.readouterr().out == DIFF.encode()


def test_a_terminal_is_safe_from_what_a_repository_says(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    job = site.submit()
    site.start(job, HOSTILE)
    for words in (["status", job.id], ["logs", job.id, "-v"], ["jobs"]):
        assert main(words) == 0
    text = capsys.readouterr().out
    assert not set(EVIL) & set(text) & {"\x1b", "\u202e", "\x00"}
    assert "\\x1b[31m" in text


def test_why_a_job_died_is_made_printable(
    site: Site, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its reason may quote what the sandbox printed at its end."""
    words = ["submit", str(project), "--key", "once"]
    assert main(words) == 0
    (job,) = site.store.jobs()
    claim = site.store.claim(job.id, "worker@host")
    assert claim is not None
    site.store.fail(claim, f"the sandbox went away: {EVIL}", retryable=False)
    capsys.readouterr()
    main([*words, "--wait"])
    output = capsys.readouterr()
    assert "The job is dead: the sandbox went away" in output.err
    assert not {"\x1b", "\u202e", "\x00"} & set(output.out + output.err)


def test_cancel_and_retry(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    job = site.submit()
    assert main(["retry", job.id]) == 2
    assert main(["cancel", job.id]) == 0
    assert main(["retry", job.id]) == 0
    assert "No worker takes jobs now" in capsys.readouterr().out
    site.start(job)
    assert main(["cancel", job.id]) == 0
    assert "asked to stop" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["status", "logs", "cancel", "retry"])
def test_a_job_that_is_not_there(
    command: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "20200101-000000-00000000", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["exit_code"] == 2
    assert "no job" in err


def test_tokens(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", "create", "ci", "--scope", "submit", "--scope", "read"]) == 0
    secret = capsys.readouterr().out.strip()
    assert secret.startswith("repair_")
    assert main(["tokens", "list", "--json"]) == 0
    listed = capsys.readouterr().out
    token = json.loads(listed)[0]
    assert (token["name"], token["scopes"]) == ("ci", ["read", "submit"])
    assert secret not in listed
    assert main(["tokens", "revoke", token["id"]]) == 0
    assert main(["tokens", "revoke", token["id"]]) == 2
    assert main(["tokens", "create", "ci", "--scope", "root"]) == 2
    assert main(["tokens", "create", "ci", "--scope", "read", "--days", "0"]) == 2
    assert main(["tokens", "create", "ci"]) == 2


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LEASE_SECONDS", "24", "at least 25"),
        ("LEASE_SECONDS", "nan", "at least 25"),
        ("HEARTBEAT_SECONDS", "30", "half of REPAIR_LEASE_SECONDS, which is 45"),
        ("MAX_LIVE_JOBS", "many", "integer"),
    ],
)
@pytest.mark.parametrize("command", [("jobs",), ("worker",), ("service", "up")])
def test_a_setting_of_the_service_that_cannot_be_used(
    command: tuple[str, ...],
    name: str,
    value: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"REPAIR_{name}", value)
    assert main(command) == 2
    err = capsys.readouterr().err
    assert f"The setting REPAIR_{name} cannot be used" in err
    assert words in err


def test_without_a_redis_the_service_says_what_to_do_and_submit_says_that_nobody_works(
    site: Site,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.delenv("REPAIR_REDIS_URL", raising=False)
    for name in ("LISTEN", "REDIS"):
        monkeypatch.setenv(f"REPAIR_{name}_PORT", str(free_port()))
    assert main(("service", "up")) == 3
    err = capsys.readouterr().err
    assert "no Redis on this machine" in err
    assert "apt-get install redis-server" in err
    assert "REPAIR_REDIS_URL" in err
    assert main(("submit", str(project))) == 0  # what is queued needs neither
    assert "No worker takes jobs now" in capsys.readouterr().err


def test_a_silent_stream_does_not_hold_up_a_stop() -> None:
    silence, stop = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        silence.wait(60)

    found = []
    for item in until(stop, items()):
        found.append(item)
        stop.set()
    silence.set()
    assert found == [1]


def test_an_error_of_a_stream_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(until(threading.Event(), items()))


def test_github_that_is_not_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("REPAIR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path))
    assert main(["github", "status"]) == 2
    assert "GitHub is not set up here: `repair github setup" in capsys.readouterr().err
    assert list(tmp_path.glob("*.sqlite*")) == []
