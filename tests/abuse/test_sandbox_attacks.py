"""Hostile programs against the sandboxes that promise to hold them: none may reach the host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.base import MEBIBYTE, CommandResult, Environment
from sandbox.engines.choose import AnySandbox
from sandbox.engines.docker.engine import DockerSandbox
from sandbox.errors import SandboxDied
from sandbox.isolation.filesystem import WRITABLE_PATHS
from sandbox.session.session import GuestSession
from tests.support.sandbox_case import SMALL, Pack, count_of, pack_tar, python

LIMIT_SECONDS = 30.0


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def sandbox(
    request: pytest.FixtureRequest, need_sandbox: Callable[[str], AnySandbox]
) -> AnySandbox:
    """The sandboxes that isolate."""
    return need_sandbox(request.param)


@pytest.fixture(scope="module")
def jail(
    sandbox: AnySandbox, bare: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuestSession]:
    """One session that every abuse goes through: each must leave it usable for the next."""
    source = pack_tar(tmp_path_factory.mktemp("jail") / "s.tar", {"file.txt": b"content"})
    with sandbox.open(bare, source, SMALL) as session:
        yield session


@pytest.fixture(scope="module")
def alone(jail: GuestSession) -> int:
    """How many processes a sandbox has in which nothing runs."""
    return processes(jail)


@pytest.fixture(autouse=True)
def healthy_after(jail: GuestSession, alone: int) -> Iterator[None]:
    """After each abuse the same sandbox still works and nothing of the abuse runs."""
    yield
    clean = ["find", *WRITABLE_PATHS, "-mindepth", "1", "-delete"]
    left = jail.run(clean, timeout_seconds=60)
    assert left.ok, left
    deadline = time.monotonic() + 5
    # The supervisor of the command before may take a moment to go.
    while (now := processes(jail)) > alone and time.monotonic() < deadline:
        time.sleep(0.05)
    assert now <= alone


def processes(jail: GuestSession) -> int:
    """Count the processes in the sandbox, those that count included."""
    # A glob starts no process of its own that could be counted or missed.
    done = jail.run(["sh", "-c", "set -- /proc/[0-9]*; echo $#"], timeout_seconds=20)
    return int(done.stdout)


def attack(jail: GuestSession, bare: Environment, code: str, seconds: float) -> CommandResult:
    return jail.run([bare.python, "-I", "-c", code], timeout_seconds=seconds)


# -- resources -----------------------------------------------------------------------------


def test_01_fork_bomb(jail: GuestSession, bare: Environment) -> None:
    before = time.monotonic()
    code = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    done = attack(jail, bare, code, 3.0)
    assert done.timed_out or not done.ok
    done = jail.run(["sh", "-c", "f() { f | f & }; f; sleep 60"], timeout_seconds=3.0)
    assert done.exit_code != 0
    assert time.monotonic() - before < LIMIT_SECONDS
    code = (
        "import os, time\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0: time.sleep(60)\n"
        "except OSError as error: print(error.errno)"
    )
    assert attack(jail, bare, code, 10.0).stdout == "11\n", "EAGAIN at the limit"


def test_02_memory_hog(jail: GuestSession, bare: Environment) -> None:
    done = attack(jail, bare, "x = bytearray(2 << 30)\nx[::4096] = x[::4096]", LIMIT_SECONDS)
    assert done.out_of_memory
    assert done.exit_code is None
    assert jail.run(["true"], timeout_seconds=10).out_of_memory is False


def test_02_memory_of_many_processes(jail: GuestSession, bare: Environment) -> None:
    code = (
        "import os, time\n"
        "for i in range(20):\n"
        "    if os.fork() == 0:\n"
        "        x = bytearray(100 << 20); x[::4096] = x[::4096]; time.sleep(6); os._exit(0)\n"
        "for i in range(20): os.wait()"
    )
    assert attack(jail, bare, code, 20.0).out_of_memory


def test_03_memory_through_files(jail: GuestSession, bare: Environment) -> None:
    code = (
        "import os, sys\n"
        "for folder in ('/workspace', '/tmp', '/dev/shm'):\n"
        "    try:\n"
        "        with open(folder + '/hog', 'wb') as file:\n"
        "            while True: file.write(bytes(1 << 20))\n"
        "    except OSError as error: print(folder, error.errno)\n"
        "    print(os.stat(folder + '/hog').st_size >> 20)"
    )
    done = attack(jail, bare, code, LIMIT_SECONDS)
    if not done.out_of_memory:
        *words, _ = [*done.stdout.split(), ""]
        assert all(int(size) <= 64 for size in words[2::3]), done
        assert set(words[1::3]) <= {"28", "27"}, "ENOSPC or EFBIG"
    code = "import os\nfd = os.memfd_create('x')\nwhile True: os.write(fd, bytes(1 << 20))"
    done = attack(jail, bare, code, LIMIT_SECONDS)
    assert done.out_of_memory or "File too large" in done.stderr


def test_04_disk_fill(jail: GuestSession, bare: Environment) -> None:
    before = free_bytes_of_host()
    done = jail.run(
        ["sh", "-c", "for i in 1 2 3 4; do fallocate -l 40M f$i; done; df -P . | tail -1"],
        timeout_seconds=LIMIT_SECONDS,
    )
    assert "No space left" in done.stderr
    assert abs(free_bytes_of_host() - before) < 2048 * MEBIBYTE


def free_bytes_of_host() -> int:
    state = os.statvfs("/")
    return state.f_bavail * state.f_frsize


def test_05_inode_flood(jail: GuestSession, bare: Environment) -> None:
    code = (
        "import os\n"
        "try:\n"
        "    for i in range(3_000_000): os.close(os.open('f%d' % i, os.O_CREAT, 0o600))\n"
        "    print('no end')\n"
        "except OSError as error: print(error.errno)"
    )
    done = attack(jail, bare, code, 60.0)
    assert done.out_of_memory or done.stdout.strip() == "28", done


def test_06_endless_output(jail: GuestSession) -> None:
    done = jail.run(["sh", "-c", "yes & yes >&2"], timeout_seconds=2.0)
    assert done.timed_out
    assert len(done.stdout) <= SMALL.output_bytes + 100
    assert len(done.stderr) <= SMALL.output_bytes + 100


def test_07_hostile_bytes(jail: GuestSession, bare: Environment) -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\xff\\x00\\x1b]0;t\\x07' + b'a' * 100_000_000)"
    done = attack(jail, bare, code, LIMIT_SECONDS)
    assert done.ok
    assert done.stdout.startswith("�\x00\x1b")
    assert len(done.stdout) <= SMALL.output_bytes + 100


def test_08_endless_loop(jail: GuestSession, bare: Environment) -> None:
    before = time.monotonic()
    done = attack(jail, bare, "print('partial', flush=True)\nwhile True: pass", 2.0)
    assert done.timed_out
    assert done.stdout == "partial\n"
    assert time.monotonic() - before < 7.0


def test_09_daemon_that_ignores_signals(jail: GuestSession, bare: Environment) -> None:
    code = (
        "import os, signal, time\n"
        "for number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "for i in range(10):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0: time.sleep(404)\n"
        "        os._exit(0)\n"
        "time.sleep(404)"
    )
    assert attack(jail, bare, code, 1.5).timed_out
    assert count_of(jail, "sleep(404)") == 0


def test_10_zombies(jail: GuestSession, bare: Environment) -> None:
    code = (
        "import os, time\n"
        "for i in range(1000):\n"
        "    if os.fork() == 0:\n"
        "        if os.fork() == 0: os._exit(0)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "time.sleep(0.3)\n"
        "print(sum('Z' in open(f'/proc/{p}/stat').read().split()[2] for p in os.listdir('/proc')"
        " if p.isdigit() and os.path.exists(f'/proc/{p}/stat')))"
    )
    done = attack(jail, bare, code, LIMIT_SECONDS)
    assert done.ok, done
    assert int(done.stdout) < 5


def test_11_signals_to_everything(jail: GuestSession, bare: Environment) -> None:
    code = "import os, signal\nfor n in (1, 2, 15, 19, 9):\n    os.kill(1, n)\nprint('sent')"
    assert attack(jail, bare, code, 10.0).stdout == "sent\n"
    done = jail.run(["sh", "-c", "kill -9 -1; sleep 5"], timeout_seconds=10)
    assert done.exit_code == -signal.SIGKILL
    done = attack(jail, bare, "import os; os.kill(os.getppid(), 9); os.wait()", 10.0)
    assert done.exit_code != 0
    stop = "import os, time; os.kill(os.getppid(), 19); time.sleep(60)"
    done = attack(jail, bare, stop, 1.0)
    assert done.timed_out, "a stopped supervisor must not stop the time-out"


# -- isolation -----------------------------------------------------------------------------

NETWORK = """
import socket
def attempt(name, action):
    try: action()
    except OSError as error: print(name, "failed")
    else: print(name, "WORKED")
def tcp(address, family=socket.AF_INET):
    s = socket.socket(family); s.settimeout(2); s.connect(address)
def gateway():
    lines = open("/proc/net/route").read().splitlines()[1:]
    if not lines: raise OSError
attempt("tcp", lambda: tcp(("192.0.2.1", 80)))
attempt("metadata", lambda: tcp(("169.254.169.254", 80)))
attempt("ipv6", lambda: tcp(("2001:db8::1", 80), socket.AF_INET6))
attempt("udp", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)))
attempt("dns", lambda: socket.getaddrinfo("example.com", 80))
attempt("icmp", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("hypervisor", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("route", gateway)
"""


def test_12_network(jail: GuestSession, bare: Environment) -> None:
    answer = python(jail, bare, NETWORK)
    assert "WORKED" not in answer
    assert answer.count("failed") == 9


def test_12_a_server_of_the_host_on_loopback(jail: GuestSession, bare: Environment) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; print(socket.socket().connect_ex(('127.0.0.1', {port})))"
        assert python(jail, bare, code) == "111"


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_13_sockets_of_the_host(jail: GuestSession, bare: Environment) -> None:
    import socket

    name = f"repair-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{name}")
        server.listen()
        code = (
            "import os, socket\n"
            f"print(socket.socket(socket.AF_UNIX).connect_ex('\\0{name}'))\n"
            "print([p for p in ('/var/run/docker.sock', '/run/docker.sock', '/run/user',"
            " '/run/dbus', '/run/systemd') if os.path.exists(p)])"
        )
        assert python(jail, bare, code).splitlines() == ["111", "[]"]


def test_14_kernel_settings_and_secrets(
    jail: GuestSession, bare: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import glob\n"
        "for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger',"
        " '/proc/sys/vm/drop_caches', '/proc/sys/net/ipv4/ip_forward', '/proc/1/mem',"
        " '/proc/1/oom_score_adj', '/sys/kernel/uevent_helper'):\n"
        "    try: open(path, 'r+b', 0); print('WRITABLE', path)\n"
        "    except OSError: pass\n"
        "for path in ('/proc/1/environ', '/proc/1/fd', '/proc/1/mem', '/proc/kcore',"
        " '/etc/shadow', '/root/.ssh', '/home'):\n"
        "    try: data = open(path, 'rb').read(100)\n"
        "    except OSError: continue\n"
        "    if data: print('READABLE', path, data)\n"
        "print('done')"
    )
    assert python(jail, bare, code) == "done"


def test_14_the_guest_cannot_be_traced(jail: GuestSession, bare: Environment) -> None:
    code = (
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "for pid in (1, os.getppid()):\n"
        "    print(libc.ptrace(16, pid, 0, 0), ctypes.get_errno())\n"
        "    try: print(os.listdir(f'/proc/{pid}/fd'))\n"
        "    except OSError as error: print(error.errno)"
    )
    assert python(jail, bare, code).split("\n") == ["-1 1", "13", "-1 1", "13"]


SYSTEM_CALLS = """
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
def call(name, x86, arm, *arguments):
    number = x86 if platform.machine() == "x86_64" else arm
    result = libc.syscall(ctypes.c_long(number), *arguments)
    print(name, "denied" if result < 0 else "ALLOWED")
call("mount", 165, 40, b"tmpfs", b"/tmp", b"tmpfs", 0, 0)
call("fsopen", 430, 430, b"tmpfs", 0)
call("unshare user", 272, 97, 0x10000000)
call("unshare net", 272, 97, 0x40000000)
call("clone user", 56, 220, 0x10000000 | 17, 0, 0, 0, 0)
call("setns", 308, 268, 0, 0)
call("keyctl", 250, 219, 0, -3, 1)
call("add_key", 248, 217, b"user", b"a", b"b", 1, -2)
call("bpf", 321, 280, 0, 0, 0)
call("perf", 298, 241, 0, 0, -1, -1, 0)
call("userfaultfd", 323, 282, 0)
call("io_uring", 425, 425, 1, 0)
call("mknod", 259, 33, -100, b"/tmp/sda", 0o60600, 0x800)
call("setuid", 105, 146, 0)
call("chroot", 161, 51, b"/tmp")
call("open_by_handle", 304, 265, 0, 0, 0)
"""


def test_15_system_calls(jail: GuestSession, bare: Environment) -> None:
    answer = python(jail, bare, SYSTEM_CALLS)
    assert "ALLOWED" not in answer
    assert answer.count("denied") == 16
    found = jail.read_limits()
    assert (found["CapEff"], found["NoNewPrivs"], found["Seccomp"]) == (0, 1, 2)


def test_15_setuid_programs_give_nothing(jail: GuestSession) -> None:
    script = (
        "for program in $(find /usr /bin -xdev -perm -4000 2>/dev/null); do ls -l $program; done;"
        " cp /usr/bin/id /tmp/id; chmod 4755 /tmp/id; /tmp/id -u; grep NoNewPrivs /proc/self/status"
    )
    done = jail.run(["sh", "-c", script], timeout_seconds=20)
    assert "NoNewPrivs:\t1" in done.stdout
    assert "\n0\n" not in done.stdout


def test_16_writes_outside_the_workspace(jail: GuestSession) -> None:
    script = (
        "for folder in / /usr /usr/bin /etc /dev /proc /sys /opt /root /var /lib; do"
        " touch $folder/x-repair 2>/dev/null && echo WROTE $folder; done; echo x >/etc/passwd;"
        " ln -f /usr/bin/env /workspace/env 2>&1; true"
    )
    done = jail.run(["sh", "-c", script], timeout_seconds=20)
    assert "WROTE" not in done.stdout
    assert "Read-only file system" in done.stderr


# -- infrastructure ------------------------------------------------------------------------


def test_19_a_path_swapped_for_a_link(jail: GuestSession, bare: Environment) -> None:
    """While a swapper runs, reads give a regular file of the sandbox or refuse; writes stay in."""
    code = (
        "import os\n"
        "os.makedirs('real', exist_ok=True)\n"
        "open('real/file', 'w').write('inside')\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    for target in ('real', '/etc', '/proc/1'):\n"
        "        os.symlink(target, 'next'); os.replace('next', 'swapped')"
    )
    swapper = jail.start([bare.python, "-I", "-c", code])
    assert swapper.receive(10) == b"ready"
    marker = f"passwd-{os.getpid()}"
    for _ in range(100):
        with suppress(OSError, ValueError):
            assert jail.read("swapped/file") == b"inside"
        with suppress(OSError):
            jail.write(f"swapped/{marker}", b"x")
    swapper.kill()
    assert not (Path("/etc") / marker).exists()


def test_20_two_jobs_do_not_see_each_other(
    sandbox: AnySandbox, bare: Environment, jail: GuestSession, pack: Pack
) -> None:
    with sandbox.open(bare, pack({}), SMALL) as other:
        process = other.start([bare.python, "-c", "import time; time.sleep(505)"])
        other.write("/tmp/secret", b"x")
        other.write("/dev/shm/secret", b"x")
        assert count_of(jail, "sleep(505)") == 0
        seen = jail.run(["ls", "/tmp", "/dev/shm", "/workspace"], timeout_seconds=10).stdout
        assert "secret" not in seen
        jail.run(["sh", "-c", "kill -9 -1"], timeout_seconds=10)
        assert process.receive(0.2) is None, "still alive"


def test_20_sessions_in_parallel(sandbox: AnySandbox, bare: Environment, pack: Pack) -> None:
    source, answers = pack({"a": b"1"}), []

    def one() -> None:
        with sandbox.open(bare, source, SMALL) as session:
            answers.append(session.run(["cat", "a"], timeout_seconds=30).stdout)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == ["1"] * 4


WORKER = """
import sys, time
from pathlib import Path
from sandbox.environments.build_settings import BuildSettings
from sandbox.engines.choose import choose
from sandbox.machine_identity import MachineIdentity
from tests.support.sandbox_case import SMALL
name, source = sys.argv[1:]
sandbox = choose(name, BuildSettings(cache_dir=Path(source).parent))
session = sandbox.open(sandbox.bare(), Path(source), SMALL)
process = session.start([sandbox.bare().python, "-c", "import time; time.sleep(606)"])
if name == "docker":
    arguments = sandbox._arguments(SMALL, MachineIdentity())
    sandbox.client.containers.create(sandbox.bare().image, command=["true"], **arguments)
print("ready", flush=True)
time.sleep(600)
"""


def test_21_a_killed_worker_leaves_nothing(sandbox: AnySandbox, pack: Pack, tmp_path: Path) -> None:
    from sandbox.engines.reaper import reap

    source = pack({})
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, sandbox.name, str(source)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert worker.stdout is not None
    with worker.stdout:
        assert worker.stdout.readline() == b"ready\n"
        worker.kill()
        worker.wait()
    deadline = time.monotonic() + 10
    while running_on_host("sleep(606)") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running_on_host("sleep(606)") == 0, "the guest ends with its input"
    removed = reap(tmp_path)
    owned = [line for line in removed if f"-{worker.pid}-" in line or "container" in line]
    if isinstance(sandbox, DockerSandbox):
        # One had run, one was only created.
        assert len(owned) >= 2
        left = sandbox.client.containers.list(
            all=True, filters={"label": f"repair.pid={worker.pid}"}
        )
        assert left == []
    assert not any(f"-{worker.pid}-" in line for line in reap(tmp_path)), "the second finds nothing"


def running_on_host(words: str) -> int:
    listing = subprocess.run(
        ["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True
    )
    return sum(words in line for line in listing.stdout.splitlines() if "ready" not in line)


def test_22_a_container_killed_from_outside(
    sandbox: AnySandbox, bare: Environment, pack: Pack
) -> None:
    if not isinstance(sandbox, DockerSandbox):
        pytest.skip("there is no daemon")
    with sandbox.open(bare, pack({}), SMALL) as session:
        label = {"label": f"repair.pid={os.getpid()}"}
        newest = max(
            sandbox.client.containers.list(filters=label), key=lambda each: each.attrs["Created"]
        )
        threading.Timer(0.5, newest.kill).start()
        with pytest.raises(SandboxDied, match="the sandbox ended") as caught:
            session.run(["sleep", "30"], timeout_seconds=40)
        assert caught.value.retryable
