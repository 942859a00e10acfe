"""Addresses by which a client of the API would reach into the server's network."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from sandbox.errors import BadTarget
from sandbox.git.fetch import FetchTooLarge, fetch, fetch_within, pinned, route_to
from sandbox.git.git_process import GitFailed, run_git
from sandbox.git.remote import BadAddress, Reach, Remote, parse
from sandbox.snapshots.checkout import resolve
from tests.support.web_case import Site, site
from workers.web.auth.scopes import Scope

URLS = [
    "http://github.com/ada/ledger",
    "git://github.com/ada/ledger",
    "file:///etc",
    "FILE:///etc",
    "ext::sh -c id",
    "ext::sh -c id https://github.com/a/b",
    "fd::17/a",
    "transport::https://github.com/a",
    "https://",
    "https:///path",
    "https://github.com",
    "https://localhost/a",
    "https://LOCALHOST./a",
    "https://git.localhost/a",
    "https://metadata.google.internal/a",
    "https://printer.local/a",
    "https://127.0.0.1/a",
    "https://127.0.0.1./a",
    "https://127.0.0.%31/a",
    "https://%31%32%37.0.0.1/a",
    "https://127.1/a",
    "https://127.0.0.01/a",
    "https://0177.0.0.1/a",
    "https://0x7f.1/a",
    "https://0x7f000001/a",
    "https://2130706433/a",
    "https://0/a",
    "https://0.0.0.0/a",
    "https://169.254.169.254/latest",
    "https://10.0.0.1/a",
    "https://192.168.1.1/a",
    "https://100.64.0.1/a",
    "https://224.0.0.1/a",
    "https://255.255.255.255/a",
    "https://192.88.99.1/a",
    "https://192.0.0.8/a",
    "https://[fec0::1]/a",
    "https://[4000::1]/a",
    "https://[::1]/a",
    "https://[::]/a",
    "https://[::1%25lo]/a",
    "https://[fe80::1%25eth0]/a",
    "https://[fd00::1]/a",
    "https://[::127.0.0.1]/a",
    "https://[::ffff:127.0.0.1]/a",
    "https://[::ffff:7f00:1]/a",
    "https://[::ffff:169.254.169.254]/a",
    "https://[64:ff9b::7f00:1]/a",
    "https://[2002:7f00:1::]/a",
    "https://[2001:0:7f00:1::]/a",
    "https://[bad/a",
    "https://token@github.com/a",
    "https://me:token@github.com/a",
    "https://github.com@127.0.0.1/a",
    "https://127.0.0.1#@github.com/a",
    "https://127.0.0.1?@github.com/a",
    "https://github.com\\@127.0.0.1/a",
    "https://127.0.0.1\\.github.com/a",
    "https://github.com/a?x=1",
    "https://github.com/%0aHost:evil/a",
    "https://github.com:0/a",
    "https://github.com:99999/a",
    "https://host:port/a",
    "https://\uff11\uff12\uff17.0.0.1/a",
    "https://127\u30020\u30020\u30021/a",
    "https://\u24dbocalhost/a",
    "https://-oProxyCommand=id/a",
    "https://a..b/a",
    "ssh://me:secret@git.example.com/a",
    "ssh://-oProxyCommand=id@git.example.com/a",
    "ssh://git@-oProxyCommand=id/a",
    "ssh://git@127.0.0.1/a",
    "git+ssh://git@[::1]/a",
    "git@localhost:a/b",
    "git@127.0.0.1:a/b",
    "git@127.1:a/b",
    "git@host:-oProxyCommand=id",
    "-oProxyCommand=id@host:a",
    "git@[::1]:a/b",
    "--upload-pack=id",
    "-x",
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def bearer(here: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {here.token(Scope.SUBMIT, Scope.READ)}"}


@pytest.mark.parametrize("url", URLS, ids=ascii)
def test_no_job_is_taken_for_an_address_inside(
    url: str, here: Site, bearer: dict[str, str]
) -> None:
    answer = httpx.post(f"{here.url}/api/v1/jobs", json={"target": url}, headers=bearer)
    assert (answer.status_code, here.store.jobs()) == (403, [])
    with pytest.raises(BadTarget):  # and if the admission had a hole: no more than a file's name
        resolve(url, None, here.settings.state_dir / "scratch", reach=Reach.PUBLIC)


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "10.0.0.1"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["169.254.169.254"],
    ],
    ids=" and ".join,
)
def test_no_name_leads_inside(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def known(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert host == "git.evil.example"
        return [(0, 0, 0, "", (address, port)) for address in answers]

    monkeypatch.setattr(socket, "getaddrinfo", known)
    for url in ("https://git.evil.example/a/b", "git@git.evil.example:a/b"):
        with pytest.raises(BadAddress, match="inside"):
            route_to(url, Reach.PUBLIC)


class Seen:
    """A server on loopback that counts who comes, and says the same to everybody."""

    def __init__(self, status: int = 404, location: str = "") -> None:
        seen = self
        self.paths: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.paths.append(self.path)
                self.send_response(status)
                if location:
                    self.send_header("Location", location + self.path)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Seen:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "repository.git"
    run_git(["init", "--quiet", "--bare", str(folder)], variables={})
    return folder


def git_to(remote: Remote, addresses: list[str], folder: Path, plain: bool = False) -> str:
    """What git says on this way. `plain`: without TLS, so that the server needs no certificate."""
    way = pinned(remote, addresses)
    variables = {"GIT_DIR": str(folder), **way.variables}
    url = way.url
    if plain:
        url = url.replace("https://", "http://")
        variables["GIT_ALLOW_PROTOCOL"] += ":http"
    try:
        fetch_within([*way.options, "fetch", "--", url, "HEAD"], folder, variables)
    except GitFailed as error:
        return str(error)
    return "fetched"


def test_a_name_that_changes_after_the_look_leads_nowhere(empty: Path) -> None:
    """DNS rebinding: `localhost` is what the name stands for by now, 127.0.0.2 what was judged."""
    with Seen() as inside:
        remote = Remote(scheme="https", host="localhost", port=inside.port, path="/a")
        assert git_to(remote, ["127.0.0.2"], empty, plain=True) != "fetched"
        assert inside.paths == []
        named = replace(remote, host="git.example.invalid")
        git_to(named, ["127.0.0.1"], empty, plain=True)
        assert inside.paths == ["/a/info/refs?service=git-upload-pack"], "the pin is what counts"


def test_a_git_that_keeps_to_no_address_fetches_no_url_of_a_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sandbox.git.fetch._version", lambda: (2, 36))
    remote = parse("https://git.example.com/a")
    with pytest.raises(BadAddress, match=r"need git 2\.37"):
        pinned(remote, ["93.184.215.14"])
    assert route_to(str(remote), Reach.ANYWHERE).options == ()


def test_an_address_that_is_written_out_needs_no_pin() -> None:
    way = pinned(parse("https://[2606:4700::6810:1]/a"), ["2606:4700::6810:1"])
    assert way.options == ("-c", "http.followRedirects=false")
    two = pinned(parse("https://git.example.com/a"), ["2606:4700::1", "93.184.215.14"])
    assert two.options[-1].endswith("=git.example.com:443:[2606:4700::1],93.184.215.14")


def test_no_redirect_leads_inside(empty: Path) -> None:
    with Seen() as inside, Seen(302, f"http://127.0.0.1:{inside.port}/metadata") as outside:
        remote = Remote(scheme="https", host="git.example.invalid", port=outside.port, path="/a")
        assert git_to(remote, ["127.0.0.1"], empty, plain=True) != "fetched"
        assert len(outside.paths) == 1
        assert inside.paths == []


SSH = """
import os, sys
if "-G" in sys.argv:  # git asks whether this is OpenSSH
    sys.exit(0)
with open({seen!r}, "a") as file:
    file.write(repr(sys.argv[1:]) + "\\n")
{then}
"""


def fake_ssh(folder: Path, then: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in ssh's place; returns the file that says how it was called."""
    seen, program = folder / "called", folder / "ssh.py"
    program.write_text(SSH.format(seen=str(seen), then=then))
    command = shlex.join([sys.executable, "-I", str(program)])
    monkeypatch.setenv("GIT_SSH_COMMAND", command)
    return seen


def test_ssh_goes_to_the_address_that_was_judged(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = fake_ssh(tmp_path, "sys.exit(1)", monkeypatch)
    for url in ("git@git.example.com:a/b", "ssh://git@git.example.com:2222/a/b"):
        git_to(parse(url), ["93.184.215.14"], empty)
    short, full = seen.read_text().splitlines()
    for call in (short, full):
        assert "'HostName=93.184.215.14'" in call
        assert "'BatchMode=yes'" in call
    assert "'HostKeyAlias=git.example.com'" in short
    assert "'HostKeyAlias=[git.example.com]:2222'" in full


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A repository whose one commit has 6 MiB that no packing makes smaller."""
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "noise").write_bytes(os.urandom(6 * 1024**2))
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


SERVE = "os.execvp('sh', ['sh', '-c', sys.argv[-1]])"


def test_a_fetch_ends_where_it_grows_too_large(
    large: Path, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh(tmp_path, SERVE, monkeypatch)
    words = ["fetch", "--quiet", "--depth=1", "--", f"git@example.com:{large}", "HEAD"]
    with pytest.raises(GitFailed):
        fetch_within(words, empty, {"GIT_DIR": str(empty)}, most_bytes=1024**2)
    sizes = [path.stat().st_size for path in empty.rglob("*") if path.is_file()]
    assert max(sizes) <= 1024**2
    fetch_within(words, empty, {"GIT_DIR": str(empty)})
    assert run_git(["cat-file", "-s", "FETCH_HEAD:noise"], variables={"GIT_DIR": str(empty)})


def test_a_server_that_talks_without_end(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh(tmp_path, "while True: os.write(2, b'remote: ' + b'x' * 4000)", monkeypatch)
    words = ["fetch", "--", "git@example.com:a", "HEAD"]
    with pytest.raises(FetchTooLarge):
        fetch_within(words, empty, {"GIT_DIR": str(empty)}, most_bytes=1024**2)


def test_a_server_that_says_nothing(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that git started for it is left."""
    then = "file = open(sys.argv[0] + '.pid', 'w'); file.write(str(os.getpid())); file.close()"
    fake_ssh(tmp_path, f"{then}\nsys.stdin.close()\nimport time\ntime.sleep(600)", monkeypatch)
    words = ["fetch", "--", "git@example.com:a", "HEAD"]
    with pytest.raises(GitFailed, match="longer"):
        fetch_within(words, empty, {"GIT_DIR": str(empty)}, timeout_seconds=3)
    pid = int((tmp_path / "ssh.py.pid").read_text())
    with contextlib.suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        assert select.select([ended], [], [], 60)[0], "ssh was ended, too"
        os.close(ended)


def test_a_job_of_the_api_never_takes_a_folder_for_a_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of the worker that is called as an ssh address is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "git@example.com:a").mkdir()
    (tmp_path / "git@example.com:a" / "secret.py").write_text("x = 1\n")
    with pytest.raises(BadTarget):
        resolve("git@127.0.0.1:a", None, tmp_path / "scratch", reach=Reach.PUBLIC)
    fake_ssh(tmp_path, "sys.exit(1)", monkeypatch)
    with pytest.raises((GitFailed, BadAddress)):
        fetch("git@example.com:a", None, tmp_path / "clone.git", Reach.PUBLIC)
