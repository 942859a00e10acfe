"""What every sandbox must do, tried on the real process, bubblewrap and Docker ones."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import time
from pathlib import Path

import pytest

from sandbox.base import MEBIBYTE, Environment
from sandbox.engines.choose import AnySandbox
from sandbox.engines.docker.engine import DockerSandbox
from sandbox.errors import SandboxDied
from sandbox.session.session import GuestSession
from tests.support.sandbox_case import SMALL, Pack, count_of, python

PYTHON = ("-I", "-S", "-c")


# -- commands ------------------------------------------------------------------------------


def test_output_and_exit_code(shared: GuestSession) -> None:
    done = shared.run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_seconds=10)
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert not done.ok
    assert not done.timed_out
    assert 0 < done.seconds < 10


def test_a_signal_is_a_negative_exit_code(shared: GuestSession) -> None:
    done = shared.run(["sh", "-c", "kill -SEGV $$"], timeout_seconds=10)
    assert done.exit_code == -signal.SIGSEGV
    assert not done.out_of_memory


def test_a_command_that_is_not_there_is_data(shared: GuestSession) -> None:
    done = shared.run(["no-such-command"], timeout_seconds=10)
    assert done.exit_code == 127
    assert "no-such-command" in done.stderr


def test_commands_start_in_the_workspace_or_in_cwd(shared: GuestSession) -> None:
    assert shared.run(["pwd"], timeout_seconds=10).stdout.strip() == shared.workspace
    inside = shared.run(["pwd"], timeout_seconds=10, cwd="folder").stdout.strip()
    assert inside == f"{shared.workspace}/folder"


def test_stdin_of_any_size_arrives(shared: GuestSession) -> None:
    sent = os.urandom(MEBIBYTE) * 3
    assert shared.run(["wc", "-c"], timeout_seconds=20, stdin=sent).stdout.strip() == str(len(sent))
    assert shared.run(["cat"], timeout_seconds=10).stdout == ""


def test_stdin_that_nobody_reads_does_no_harm(shared: GuestSession) -> None:
    assert shared.run(["true"], timeout_seconds=10, stdin=b"x" * MEBIBYTE).exit_code == 0


def test_the_environment_is_made_from_nothing(
    shared: GuestSession, bare: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret-of-the-host")
    text = shared.run(["env"], timeout_seconds=10, env={"ASKED": "yes"}).stdout
    assert "ASKED=yes" in text
    assert "secret-of-the-host" not in text
    names = {line.partition("=")[0] for line in text.splitlines()}
    assert names <= {"ASKED", "PATH", "HOME", "TMPDIR", "LANG", "USER", "PWD", "SHLVL", "_"}
    # Nor can it be had from the process that started this one.
    code = "import os; print(open(f'/proc/{os.getppid()}/environ').read())"
    assert "secret" not in shared.run([bare.python, *PYTHON, code], timeout_seconds=10).stdout


def test_time_out_keeps_the_output_and_kills_everything(shared: GuestSession) -> None:
    daemon = "setsid sh -c 'trap \"\" TERM; sleep 301'"
    script = f"trap '' TERM; echo started; {daemon} & sleep 301 & sleep 302"
    before = time.monotonic()
    done = shared.run(["sh", "-c", script], timeout_seconds=1.0)
    assert done.timed_out
    assert done.exit_code is None
    assert done.stdout == "started\n"
    assert 1.0 <= done.seconds < 6.0
    assert time.monotonic() - before < 6.0
    assert count_of(shared, "sleep 30") == 0


def test_daemons_die_with_the_command_that_left_them(
    shared: GuestSession, bare: Environment
) -> None:
    # Twice forked, a session of its own, SIGTERM ignored, streams closed: the full daemon.
    daemon = (
        "import os,signal,time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "        os.closerange(0, 3)\n"
        "        time.sleep(303)\n"
        "    os._exit(0)\n"
        "time.sleep(0.3)\n"
    )
    assert python(shared, bare, daemon) == ""
    assert count_of(shared, "time.sleep(303)") == 0


def test_endless_output_is_capped_at_head_and_tail(shared: GuestSession, bare: Environment) -> None:
    code = "import sys; sys.stdout.write('first' + 'x' * 50_000_000 + 'last')"
    done = shared.run([bare.python, *PYTHON, code], timeout_seconds=30)
    assert done.ok
    assert done.stdout.startswith("first")
    assert done.stdout.endswith("last")
    assert "bytes cut" in done.stdout
    assert len(done.stdout) < SMALL.output_bytes + 100
    done = shared.run(["yes"], timeout_seconds=1.0)
    assert done.timed_out
    assert len(done.stdout) < SMALL.output_bytes + 100


def test_output_that_is_not_text_is_replaced(shared: GuestSession) -> None:
    done = shared.run(["printf", r"a\377\000\033[31mb"], timeout_seconds=10)
    assert done.stdout == "a�\x00\x1b[31mb"


# -- processes -----------------------------------------------------------------------------


def test_a_process_speaks_in_lines(shared: GuestSession) -> None:
    first, second = shared.start(["cat"]), shared.start(["cat"])
    try:
        first.send(b"one")
        second.send(b"two\xff")
        first.send(b"")
        assert second.receive(10) == b"two\xff"
        assert first.receive(10) == b"one"
        assert first.receive(10) == b""
        assert first.receive(0.05) is None
        assert shared.run(["true"], timeout_seconds=10).ok, "a command beside it"
        first.send(b"x" * MEBIBYTE)
        assert first.receive(10) == b"x" * MEBIBYTE
    finally:
        first.kill()
        second.kill()
        first.kill()
    with pytest.raises(SandboxDied):
        first.receive(1)


def test_a_process_that_ends_says_why(shared: GuestSession) -> None:
    process = shared.start(["sh", "-c", "echo last line; echo the reason >&2; exit 7"])
    assert process.receive(10) == b"last line"
    with pytest.raises(SandboxDied, match=r"exit code 7.*the reason"):
        process.receive(10)


def test_a_flood_of_lines_waits_for_its_reader(shared: GuestSession) -> None:
    process = shared.start(["yes", "flooding"])
    time.sleep(0.5)
    assert [process.receive(10) for _ in range(1000)] == [b"flooding"] * 1000
    assert shared.run(["true"], timeout_seconds=10).ok
    process.kill()
    assert count_of(shared, "yes flooding") == 0


# -- files ---------------------------------------------------------------------------------


def test_write_read_remove(shared: GuestSession) -> None:
    shared.write("new/deep/file", b"\x00\xff")
    assert shared.read("new/deep/file") == b"\x00\xff"
    assert shared.read(f"{shared.workspace}/new/deep/file") == b"\x00\xff"
    shared.write("new/deep/file", b"again")
    assert shared.read("new/deep/file") == b"again"
    shared.remove("new/deep/file")
    shared.remove("new/deep/file")
    with pytest.raises(FileNotFoundError):
        shared.read("new/deep/file")


def test_only_regular_files_are_read(fresh: GuestSession) -> None:
    script = "ln -s /etc/passwd link; mkfifo fifo; ln folder/file.txt hard; ln -s /dev/zero zero"
    assert fresh.run(["sh", "-c", script], timeout_seconds=10).ok
    for name in ("link", "fifo", "hard", "zero", "folder", "/dev/zero"):
        with pytest.raises(ValueError, match=r"link|regular|special"):
            fresh.read(name)
    fresh.write("large", b"x" * 2000)
    with pytest.raises(ValueError, match="2000 bytes"):
        fresh.read("large", max_bytes=1999)
    assert len(fresh.read("large", max_bytes=2000)) == 2000


def test_writing_replaces_a_link_and_does_not_follow_it(fresh: GuestSession) -> None:
    assert fresh.run(["ln", "-s", "folder/file.txt", "link"], timeout_seconds=10).ok
    fresh.write("link", b"new")
    assert fresh.read("folder/file.txt") == b"content"
    assert fresh.read("link") == b"new"


# -- workspaces ----------------------------------------------------------------------------


def test_every_session_starts_from_the_tar(
    sandbox: AnySandbox, bare: Environment, pack: Pack
) -> None:
    source = pack({"a": b"1"})
    with sandbox.open(bare, source, SMALL) as one, sandbox.open(bare, source, SMALL) as two:
        one.write("a", b"changed")
        one.write("only-here", b"")
        assert two.read("a") == b"1"
        assert two.run(["ls"], timeout_seconds=10).stdout.split() == ["a"]
        one.close()
        one.close()
        assert two.run(["true"], timeout_seconds=10).ok
    with pytest.raises(SandboxDied, match="closed"):
        one.run(["true"], timeout_seconds=10)
    with sandbox.open(bare, source, SMALL) as three:
        assert three.run(["ls"], timeout_seconds=10).stdout.split() == ["a"]


def test_names_links_and_modes_survive(
    sandbox: AnySandbox, bare: Environment, tmp_path: Path
) -> None:
    names = ["with space", "with\nnewline", os.fsdecode(b"latin-\xe9"), "ünï", "d" * 200]
    source = tmp_path / "names.tar"
    with tarfile.open(source, "w", errors="surrogateescape") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
        script = tarfile.TarInfo("run.sh")
        script.mode, script.size = 0o755, 15
        tar.addfile(script, io.BytesIO(b"#!/bin/sh\ntrue\n"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "run.sh"
        tar.addfile(link)
    with sandbox.open(bare, source, SMALL) as session:
        found = python(session, bare, "import os; print(sorted(os.listdir(b'.')))")
        assert found == str(sorted([*map(os.fsencode, names), b"run.sh", b"link"]))
        assert session.run(["./link"], timeout_seconds=10).ok
        assert session.read(names[2]) == b""


def test_a_large_tree(sandbox: AnySandbox, bare: Environment, pack: Pack) -> None:
    source = pack({f"d{i % 50}/f{i}": b"x" for i in range(5000)} | {"big": b"y" * 20 * MEBIBYTE})
    with sandbox.open(bare, source, SMALL) as session:
        done = session.run(["sh", "-c", "find . -type f | wc -l; wc -c <big"], timeout_seconds=20)
        assert done.stdout.split() == ["5001", str(20 * MEBIBYTE)]


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/../../escaped"])
def test_a_tar_entry_that_leaves_is_refused(
    sandbox: AnySandbox, bare: Environment, pack: Pack, name: str
) -> None:
    with pytest.raises(ValueError, match="leaves the workspace"):
        sandbox.open(bare, pack({name: b""}), SMALL)


def test_a_tar_that_goes_through_its_own_link_is_refused(
    sandbox: AnySandbox, bare: Environment, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    source = tmp_path / "through.tar"
    with tarfile.open(source, "w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("link/new/escaped"))
    with pytest.raises(ValueError, match="a link leads out of the workspace"):
        sandbox.open(bare, source, SMALL)
    assert list(outside.iterdir()) == []


# -- isolation, limits, environments -------------------------------------------------------


def test_there_is_no_network(sandbox: AnySandbox, shared: GuestSession, bare: Environment) -> None:
    if sandbox.name == "process":
        pytest.skip("the process sandbox isolates nothing, and says so")
    assert shared.read_limits()["interfaces"] == ["lo"]
    code = (
        "import socket\n"
        "s = socket.socket(); s.settimeout(3)\n"
        "try: s.connect(('192.0.2.1', 80)); print('reached')\n"
        "except OSError as e: print(e.errno)"
    )
    assert python(shared, bare, code) == "101"


def test_limits_are_in_force(sandbox: AnySandbox, shared: GuestSession) -> None:
    found = shared.read_limits()
    assert found["rlimits"]["RLIMIT_CORE"] == 0
    assert found["NoNewPrivs"] == 1
    if sandbox.name == "docker":
        assert found["memory_bytes"] == SMALL.memory_bytes
        assert found["memory_and_swap_bytes"] in (0, SMALL.memory_bytes)
        assert found["processes"] == SMALL.processes
        assert found["cpus"] <= SMALL.cpus
        assert found["file_systems"]["/workspace"]["bytes"] == SMALL.workspace_bytes


def test_build_seal_open(sandbox: AnySandbox, pack: Pack) -> None:
    key = f"contract{os.urandom(4).hex()}"
    interpreter = sandbox.interpreters()[0]
    source = pack({"project.txt": b"project"})
    assert sandbox.environment(key) is None
    builder = sandbox.build(key, interpreter, source)
    try:
        assert builder.session.read("project.txt") == b"project"
        make = [interpreter.path, "-m", "venv", "--without-pip", builder.prefix]
        done = builder.session.run(make, timeout_seconds=120)
        assert done.ok, done
        builder.session.write(f"{builder.prefix}/marker.txt", b"kept")
        environment = builder.seal(
            python=f"{builder.prefix}/bin/python",
            python_version=interpreter.version,
            variables={"PROJECT": "{workspace}/src"},
        )
    finally:
        builder.discard()
    assert sandbox.environment(key) == environment
    with sandbox.open(environment, source, SMALL) as session:
        code = "import os, sys; print(sys.prefix, os.environ['PROJECT'])"
        done = session.run(["python", "-c", code], timeout_seconds=20)
        assert done.stdout.split() == [builder.prefix, f"{session.workspace}/src"], done
        assert session.read(f"{builder.prefix}/marker.txt") == b"kept"
        if sandbox.name != "process":
            with pytest.raises(OSError, match="Read-only"):
                session.write(f"{builder.prefix}/marker.txt", b"changed")
    if isinstance(sandbox, DockerSandbox):
        sandbox.client.images.remove(f"repair-environment:{key}", force=True)


def test_a_discarded_build_leaves_nothing(sandbox: AnySandbox, pack: Pack) -> None:
    key = f"discarded{os.urandom(4).hex()}"
    builder = sandbox.build(key, sandbox.interpreters()[0], pack({}))
    builder.discard()
    builder.discard()
    assert sandbox.environment(key) is None
    if sandbox.name != "docker":
        assert not Path(builder.prefix).exists()
