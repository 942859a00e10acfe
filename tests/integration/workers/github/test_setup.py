"""`repair github setup|status|replay`, as their user runs them, against the stand-in."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.support.github_case import Case, running_case
from tests.support.github_payloads import labelled
from tests.support.services import free_port
from workers.forges.errors import CallFailed
from workers.github.api.tokens import AppTokens, make_tokens
from workers.github.config import read_github_settings
from workers.github.setup import (
    APP_EVENTS,
    APP_PERMISSIONS,
    AppRequest,
    ListenOptions,
    set_up,
    variables,
)

COMMAND = (sys.executable, "-m", "cli.main", "github")


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_app_is_made_and_its_key_kept_for_the_owner_only(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["setup", "--url", "https://repair.example.org", "--org", "acme", "--no-browser"]
    process = subprocess.Popen(
        [*COMMAND, *words, "--server", case.stand_in.url],
        env=case.surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    address = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
    assert address is not None
    page = httpx.get(address[0]).text
    said = re.search(r'action="([^"]+)".*?value="([^"]+)"', page, re.S)
    assert said is not None
    action, asked = html.unescape(said[1]), json.loads(html.unescape(said[2]))
    assert "<b>repair-agent</b>" in page
    assert all(f"<li>{name}: {level}" in page for name, level in APP_PERMISSIONS.items())
    assert action.startswith(f"{case.stand_in.url}/organizations/acme/settings/apps/new?state=")
    assert asked["default_permissions"] == dict(APP_PERMISSIONS)
    assert asked["hook_attributes"]["url"] == "https://repair.example.org/github/webhook"
    assert asked["default_events"] == list(APP_EVENTS)
    assert asked["public"] is False
    state = action.partition("state=")[2]
    case.world.conversions["c0de"] = {
        "id": case.world.app_id,
        "slug": case.world.slug,
        "pem": case.world.private_key,
        "webhook_secret": "generated",
        "html_url": "https://example.org/apps/repair-test",
    }
    wrong = httpx.get(f"{address[0]}/done", params={"code": "c0de", "state": "guessed"})
    assert wrong.status_code == 403
    rebound = httpx.get(address[0], headers={"host": "evil.example"})
    assert rebound.status_code == 403
    back = httpx.get(f"{address[0]}/done", params={"code": "c0de", "state": state})
    assert back.status_code == 200
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "installations/new" in out
    saved = case.folder / "github" / "app.json"
    assert saved.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("REPAIR_GITHUB_FOLDER", str(case.folder / "github"))
    settings = read_github_settings()
    assert settings.app_id == case.world.app_id
    assert settings.require_secret().get_secret_value() == "generated"
    assert settings.api_url == case.stand_in.api_url
    assert case.world.private_key not in repr(settings)
    again = run(case.surroundings(), *words)
    assert again.returncode == 2
    assert "already" in again.stderr


@contextmanager
def receiving(case: Case) -> Iterator[str]:
    """The case's webhook on a real port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(case.web.app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def test_a_recorded_delivery_is_replayed(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "issues"
    folder.mkdir()
    recorded = folder / "labeled.payload.json"
    recorded.write_text(json.dumps(labelled(case.issue())))
    with receiving(case) as url:
        done = run(case.as_app(), "replay", str(recorded), "--url", url)
        assert (done.returncode, done.stdout[:3]) == (0, "202")
        assert "accepted" in done.stdout
        assert "known" in run(case.as_app(), "replay", str(recorded), "--url", url).stdout
        fresh = run(case.as_app(), "replay", str(recorded), "--url", url, "--fresh", "--json")
        assert json.loads(fresh.stdout)["status_code"] == 202
        assert "accepted" in fresh.stdout
        wrong = {**case.as_app(), "REPAIR_GITHUB_WEBHOOK_SECRET": "another"}
        refused = run(wrong, "replay", str(recorded), "--url", url)
        assert (refused.returncode, refused.stdout[:3]) == (1, "401")
    nobody = run(case.as_app(), "replay", str(recorded), "--url", f"http://127.0.0.1:{free_port()}")
    assert nobody.returncode == 3


def test_status_shows_what_came_and_has_sent_again_what_did_not(case: Case) -> None:
    case.deliver("issues", labelled(case.issue()))
    (here,) = case.github.inbox.newest()
    for number, guid in ((1, here.delivery_id), (2, "11111111-lost"), (3, "11111111-lost")):
        case.world.hook_deliveries.append(
            {"id": number, "guid": guid, "event": "issues", "action": "labeled", "status": "x"}
        )
    done = run(case.as_app(), "status", "--json")
    found = json.loads(done.stdout)
    assert [one["delivery_id"] for one in found["deliveries"]] == [here.delivery_id]
    assert [one["number"] for one in found["missed"]] == [2]
    assert not any("redelivered" in one for one in case.world.hook_deliveries)
    done = run(case.as_app(), "status", "--redeliver")
    assert done.returncode == 0, done.stderr
    assert "is sent again" in done.stdout
    assert [one["id"] for one in case.world.hook_deliveries if one.get("redelivered")] == [2]


def test_without_github_it_is_said_what_to_do(tmp_path: Path) -> None:
    with running_case(tmp_path) as case:
        done = run(case.surroundings(), "status")
        assert done.returncode == 2
        assert "repair github setup" in done.stderr


@pytest.mark.parametrize("option", ["--url", "--server"])
def test_secrets_are_sent_over_tls_alone(tmp_path: Path, option: str) -> None:
    addresses = {"--url": "https://repair.example.org", option: "http://repair.example.org"}
    words = [word for pair in addresses.items() for word in pair]
    environment = {**os.environ, "REPAIR_GITHUB_FOLDER": str(tmp_path)}
    done = run(environment, "setup", "--no-browser", *words)
    assert done.returncode == 2
    assert f"{option} must begin with https://" in done.stderr


def test_nobody_who_comes_back_ends_it() -> None:
    app_request = AppRequest(
        name="x", service_url="https://r.example", api_url="https://a", web_url="https://w"
    )
    with pytest.raises(CallFailed, match="nobody came back"):
        set_up(app_request, ListenOptions(seconds=0), lambda _address: None, threading.Event())


def test_the_settings_are_lines_that_the_service_reads(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"app_id": 7, "private_key": case.world.private_key, "webhook_secret": "s"}
    for line in variables(made).splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REPAIR_GITHUB_FOLDER", str(tmp_path))
    settings = read_github_settings()
    tokens = make_tokens(settings, case.github.client)
    assert isinstance(tokens, AppTokens)
    assert tokens.app_authorization().startswith("Bearer "), "the key is whole"
