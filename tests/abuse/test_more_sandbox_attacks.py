"""Attacks on the sandboxes' walls that the first list has not: kernel, channel, files, names."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.base import Environment
from sandbox.engines.choose import AnySandbox
from sandbox.errors import SandboxDied, SandboxError
from sandbox.isolation.filesystem import WRITABLE_PATHS
from sandbox.session.session import GuestSession
from tests.support.sandbox_case import SMALL, Pack, pack_tar, python

CALLS = """
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
def call(name, x86, other, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(other if arm else x86, *arguments)
    print(name, "ALLOWED" if result >= 0 else errno.errorcode[ctypes.get_errno()], sep=": ")
"""
"""Beginning of a program that makes system calls by number."""

KERNEL = {
    "io_uring_enter": "call('io_uring_enter', 426, 426, 0, 0, 0, 0, 0, 0)",
    "io_uring_register": "call('io_uring_register', 427, 427, 0, 0, 0, 0)",
    "pidfd_getfd": "call('pidfd_getfd', 438, 438, os.pidfd_open(1), 0, 0)",
    "process_vm_readv": "call('process_vm_readv', 310, 270, 1, 0, 0, 0, 0, 1)",
    "mount by the new interface": "call('fsopen', 430, 430, b'tmpfs', 0)",
    "a copy of a mount": "call('open_tree', 428, 428, -100, b'/', 1)",
    "attributes of a mount": "call('mount_setattr', 442, 442, -100, b'/', 0, b'\\0' * 32, 32)",
    "a list of mounts": "call('listmount', 458, 458, 0, 0, 0, 0)",
    "the state of a mount": "call('statmount', 457, 457, 0, 0, 0, 0)",
    "a call newer than the filter": "call('new', 600, 600, 0)",
    "a far call number": "call('far', 100000, 100000, 0)",
    "clone3 with new namespaces": "call('clone3', 435, 435, b'\\0' * 88, 88)",
    "a time namespace": "call('unshare', 272, 97, 0x80)",
    "a control-group namespace": "call('unshare', 272, 97, 0x02000000)",
    "pivot_root": "call('pivot_root', 155, 41, b'/tmp', b'/tmp')",
    "kexec": "call('kexec_load', 246, 104, 0, 0, 0, 0)",
    "a kernel module": "call('finit_module', 313, 273, 0, b'', 0)",
    "the kernel's log": "call('syslog', 103, 116, 3, ctypes.create_string_buffer(9), 9)",
    "swap": "call('swapon', 167, 224, b'/tmp/x', 0)",
    "quotas": "call('quotactl', 179, 60, 0, 0, 0, 0)",
    "a host name": "call('sethostname', 170, 161, b'host', 4)",
    "reboot": "call('reboot', 169, 142, 0xfee1dead, 672274793, 0, 0)",
    "accounting": "call('acct', 163, 89, b'/tmp/x')",
    "fanotify": "call('fanotify_init', 300, 262, 0, 0)",
    "mbind of another process": "call('move_pages', 279, 239, 1, 0, 0, 0, 0, 0)",
}
SOCKETS = {
    "AF_ALG": 38,
    "AF_VSOCK": 40,
    "AF_PACKET": 17,
    "AF_BLUETOOTH": 31,
    "AF_CAN": 29,
    "AF_TIPC": 30,
    "AF_KEY": 15,
    "AF_XDP": 44,
    "AF_RDS": 21,
    "AF_QIPCRTR": 42,
}


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def sandbox(
    request: pytest.FixtureRequest, need_sandbox: Callable[[str], AnySandbox]
) -> AnySandbox:
    return need_sandbox(request.param)


@pytest.fixture(scope="module")
def living(
    sandbox: AnySandbox, bare: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], GuestSession]]:
    """The same sandbox for all attacks; another one after an attack that ended it."""
    source = pack_tar(tmp_path_factory.mktemp("jail") / "s.tar", {"file.txt": b"content"})
    sessions: list[GuestSession] = []

    def session() -> GuestSession:
        if sessions:
            with suppress(SandboxDied):
                sessions[-1].run(["true"], timeout_seconds=20)
                return sessions[-1]
        sessions.append(sandbox.open(bare, source, SMALL))
        return sessions[-1]

    yield session
    for each in sessions:
        each.close()


@pytest.fixture
def jail(living: Callable[[], GuestSession]) -> GuestSession:
    return living()


@pytest.fixture(autouse=True)
def usable_after(request: pytest.FixtureRequest, jail: GuestSession) -> Iterator[None]:
    """After each attack the same sandbox still works. A flood alone may have filled its memory:
    then the kernel may end it, and nothing beside it; what it left there (segments of System V)
    stays until the sandbox ends."""
    yield
    said = died = ""
    try:
        jail.run(
            ["sh", "-c", f"find {' '.join(WRITABLE_PATHS)} -mindepth 1 -delete"], timeout_seconds=60
        )
        jail.write("/workspace/file.txt", b"content")
        said = jail.run(["cat", "/workspace/file.txt"], timeout_seconds=20).stdout
    except SandboxDied as death:
        died = str(death)
    flood = request.node.originalname == "test_flood"
    assert said == "content" or (flood and "out of memory" in died), died
    if flood:
        jail.close()


@pytest.mark.parametrize("name", KERNEL)
def test_system_call(jail: GuestSession, bare: Environment, name: str) -> None:
    assert "ALLOWED" not in python(jail, bare, CALLS + KERNEL[name])


@pytest.mark.parametrize("family", SOCKETS)
def test_socket_family(jail: GuestSession, bare: Environment, family: str) -> None:
    code = (
        "import socket\n"
        "for kind in (1, 2, 3, 5):\n"
        "    try:\n"
        f"        socket.socket({SOCKETS[family]}, kind, 0)\n"
        "        print('OPENED')\n"
        "    except OSError as error:\n"
        "        print(error.errno)"
    )
    assert "OPENED" not in python(jail, bare, code)


PROGRAMS = {
    "memory of the first process": "open('/proc/1/mem', 'r+b').seek(4096)",
    "root of the first process": (
        "os.listdir('/proc/1/root/etc/..')and os.open('/proc/1/root/x-repair', "
        "os.O_CREAT | os.O_WRONLY)"
    ),
    "working directory of the first process": (
        "os.open('/proc/1/cwd/x-repair', os.O_CREAT | os.O_WRONLY)"
    ),
    "descriptors of the first process": (
        "[open('/proc/1/fd/%s' % n, 'wb') for n in os.listdir('/proc/1/fd')]"
    ),
    "variables of the first process": "assert not open('/proc/1/environ', 'rb').read()",
    "the pattern of core files": "open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x')",
    "the path of modprobe": "open('/proc/sys/kernel/modprobe', 'w').write('/tmp/x')",
    "the release agent of a control group": (
        "open(glob.glob('/sys/fs/cgroup/**/release_agent', recursive=True)[0], 'w').write('/tmp/x')"
    ),
    "a control group of its own": "os.mkdir('/sys/fs/cgroup/mine')",
    "the memory limit": (
        "open(glob.glob('/sys/fs/cgroup/**/memory*limit_in_bytes', "
        "recursive=True)[0], 'w').write('-1')"
    ),
    "a higher score for somebody else to be killed": (
        "os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1000')"
    ),
    "a helper of hot plugging": "open('/sys/kernel/uevent_helper', 'w').write('/tmp/x')",
    "a real-time priority": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))",
    "a negative niceness": "os.nice(-10)",
    "a raised limit of processes": (
        "resource.setrlimit(resource.RLIMIT_NPROC, (1 << 20, 1 << 20))"
    ),
    "a raised limit of file size": (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)"
    ),
    "another group": "os.setgroups([0])",
    "another user for files": "os.chown('/workspace/file.txt', 0, 0)",
    "a trusted attribute": "os.setxattr('/workspace/file.txt', 'trusted.x', b'1')",
    "a capability in a file": (
        "os.setxattr('/workspace/file.txt', 'security.capability', b'\\1' * 20)"
    ),
    "a disk": (
        "os.open(next(iter(glob.glob('/dev/[sv]d*') + glob.glob('/dev/nvme*') + "
        "['/dev/sda'])), os.O_RDONLY)"
    ),
    "the kernel's memory": "os.open('/dev/mem', os.O_RDWR)",
    "a tunnel": "os.open('/dev/net/tun', os.O_RDWR)",
    "a virtual machine": "os.open('/dev/kvm', os.O_RDWR)",
    "a file system in user space": "os.open('/dev/fuse', os.O_RDWR)",
    "the terminal of the host": "fcntl.ioctl(os.open('/dev/tty', os.O_RDWR), 0x5412, b'x')",
    "input pushed to the standard streams": "[fcntl.ioctl(n, 0x5412, b'x') for n in (0, 1, 2)]",
    "the Docker socket": "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "the host's name service": "socket.getaddrinfo('example.com', 80)",
    "a route": "socket.create_connection(('169.254.169.254', 80), 3)",
    "the host by its loopback": "socket.create_connection(('127.0.0.1', 22), 3)",
    "everybody by multicast": (
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('224.0.0.1', 9))"
    ),
    "another address": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
}
"""Each must raise."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(jail: GuestSession, bare: Environment, name: str) -> None:
    code = (
        "import fcntl, glob, os, resource, socket\n"
        f"try:\n    {PROGRAMS[name]}\n"
        "except (OSError, ValueError, IndexError, AssertionError, PermissionError) as error:\n"
        "    print('refused', type(error).__name__)\n"
        "else:\n    print('DONE')"
    )
    assert python(jail, bare, code).startswith("refused")


FLOODS = {
    "hard links": ("for n in range(200000): os.link('/workspace/file.txt', '/workspace/l%d' % n)"),
    "extended attributes": (
        "for n in range(100000): os.setxattr('/workspace/file.txt', 'user.a%d' % n, bytes(60000))"
    ),
    "deep folders": "for n in range(1000000): os.mkdir('d'); os.chdir('d')",
    "inotify instances": (
        "kept = []\nfor n in range(100000): kept.append(libc.inotify_init()); assert kept[-1] >= 0"
    ),
    "pipes that are full": (
        "kept = []\n"
        "for n in range(20000):\n"
        "        kept += os.pipe(); os.set_blocking(kept[-1], False); "
        "os.write(kept[-1], bytes(65536))"
    ),
    "message queues": "for n in range(100000): assert libc.msgget(n + 1, 0o1666) >= 0",
    "semaphores": "for n in range(1000000): assert libc.semget(n + 1, 200, 0o1666) >= 0",
    "shared memory": (
        "for n in range(64):\n"
        "        made = libc.shmget(0, 64 << 20, 0o1600)\n"
        "        at = libc.shmat(made, None, 0); libc.shmctl(made, 0, None)\n"
        "        assert at not in (-1, 0); ctypes.memset(at, 1, 64 << 20)"
    ),
    "POSIX message queues": (
        "for n in range(10000): assert libc.mq_open(b'/q%d' % n, 0o102, 0o600, None) >= 0"
    ),
    "pseudo-terminals": "kept = []\nfor n in range(20000): kept += os.openpty()",
    "timers": (
        "made = ctypes.c_void_p()\n"
        "for n in range(3000000): assert libc.timer_create(0, None, "
        "ctypes.byref(made)) == 0"
    ),
    "memory that cannot be paged out": (
        "libc.mlockall(3) == 0 or sys.exit(3)\nx = bytearray(1 << 31)"
    ),
    "secret memory": (
        "kept = []\n"
        "for n in range(64):\n"
        "        kept.append(libc.syscall(447, 0)); assert kept[-1] >= 0; "
        "os.ftruncate(kept[-1], 64 << 20); mmap.mmap(kept[-1], 64 << "
        "20).write(bytes(64 << 20))"
    ),
    "sockets that are never read": (
        "kept = []\n"
        "for n in range(4000):\n"
        "        kept += socket.socketpair(); kept[-1].setblocking(False)\n"
        "        while True:\n            kept[-1].send(bytes(60000))"
    ),
    "descriptors in flight": (
        "a, b = socket.socketpair()\nfor n in range(100000): socket.send_fds(a, [b'x'], [0] * 200)"
    ),
    "an endless argument": "os.execv('/bin/true', ['true'] + ['x' * 131000] * 5000)",
    "sparse files": "open('/workspace/sparse', 'wb').truncate(1 << 44)",
}
"""Each meets a limit of the sandbox's own, or ends with its time; the sandbox goes on. The number
of files, which bubblewrap watches from time to time, is flooded for longer than a look takes."""


@pytest.mark.parametrize("name", FLOODS)
def test_flood(jail: GuestSession, bare: Environment, name: str) -> None:
    code = (
        "import ctypes, mmap, os, socket, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\nlibc.shmat.restype = ctypes.c_ssize_t\n"
        f"try:\n    {FLOODS[name]}\n"
        "except (OSError, AssertionError, MemoryError, ValueError) as error:\n"
        "    print('refused', type(error).__name__, flush=True)\n    os._exit(0)\n"
        "print('DONE')"
    )
    done = jail.run([bare.python, "-I", "-S", "-c", code], timeout_seconds=6)
    held = done.out_of_memory or done.timed_out or done.exit_code != 0
    assert held or done.stdout.startswith("refused"), done


CHANNEL = """
import os, socket
said = b'\\0\\0\\0\\2\\0\\0\\0\\0{}' + b'\\xff' * 4096
for n in range(0, 1024):
    for path in ('/proc/self/fd/%d' % n, '/proc/%d/fd/%d' % (os.getppid(), n)):
        try:
            os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), said)
        except OSError:
            pass
    if n > 2:
        try:
            os.write(n, said)
        except OSError:
            pass
os.closerange(0, 65536)
"""


def test_frames_forged_on_every_descriptor(jail: GuestSession, bare: Environment) -> None:
    done = jail.run([bare.python, "-I", "-S", "-c", CHANNEL], timeout_seconds=60)
    assert done.exit_code is not None or done.timed_out
    assert python(jail, bare, "print(1)") == "1"


def test_output_that_moves_the_cursor_stays_text(jail: GuestSession, bare: Environment) -> None:
    """What a program prints is data: shown, never obeyed."""
    said = "\\x1b]0;title\\x07\\x1b[2J\\u202e\\u0000\\ud800"
    code = f"import sys; sys.stdout.buffer.write('{said}'.encode('utf-8', 'surrogatepass'))"
    done = jail.run([bare.python, "-I", "-S", "-c", code], timeout_seconds=20)
    assert done.ok
    assert "\x1b]0;title" in done.stdout


NAMES = [
    b"a\nb.py",
    b"\x1b[31m.py",
    "‮yp.tset".encode(),
    b"\xff\xfe.py",
    b"-rf",
    b"$(touch x)",
    b"a" * 255,
    "e\u0301.py".encode(),
    "\u00e9.py".encode(),
    b"A.PY",
    b"a.py",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_a_file_of_this_name_arrives_as_it_is(
    sandbox: AnySandbox, bare: Environment, pack: Pack, name: bytes
) -> None:
    text = name.decode("utf-8", "surrogateescape")
    with sandbox.open(bare, pack({text: b"1", "other": b"2"}), SMALL) as session:
        code = "import os; print(sorted(os.listdir(b'/workspace')))"
        assert python(session, bare, code) == str(sorted([name, b"other"]))


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x-repair", "a/../../x", "/proc/self/root/x", "nul\0byte", ""]
)
def test_a_snapshot_that_would_leave_the_workspace(
    sandbox: AnySandbox, bare: Environment, pack: Pack, path: str
) -> None:
    """Refused, or unpacked below the workspace; never on the host."""
    found = ""
    with (
        suppress(SandboxError, ValueError, OSError),
        sandbox.open(bare, pack({path: b"1"}), SMALL) as session,
    ):
        found = session.run(["ls", "/etc/x-repair", "/x"], timeout_seconds=20).stdout
    assert not found
    assert not Path("/etc/x-repair").exists()


def test_an_abstract_socket_of_the_host(jail: GuestSession, bare: Environment) -> None:
    name = f"repair-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{name}")
        server.listen()
        code = (
            f"import socket\ntry: socket.socket(socket.AF_UNIX).connect('\\0{name}')\n"
            "except OSError: print('refused')"
        )
        assert python(jail, bare, code) == "refused"


def test_a_program_that_exists_in_memory_alone_is_no_more_than_any(
    jail: GuestSession, bare: Environment
) -> None:
    code = (
        "import os\nfd = os.memfd_create('x')\nos.write(fd, open('/bin/sh', 'rb').read())\n"
        "os.execv('/proc/self/fd/%d' % fd, ['sh', '-c', 'id -u; echo x >/etc/x-repair'])"
    )
    done = jail.run([bare.python, "-I", "-S", "-c", code], timeout_seconds=20)
    assert done.exit_code != 0
    assert done.stdout.strip() != "0"


def test_a_lock_on_a_shared_file_holds_nobody_up(
    sandbox: AnySandbox, bare: Environment, jail: GuestSession, pack: Pack
) -> None:
    """The environment is shared by jobs: a lock there would be seen by the others."""
    code = (
        f"import fcntl, time\nfile = open('{bare.python}', 'rb')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\nprint('locked', flush=True)\ntime.sleep(60)"
    )
    holder = jail.start([bare.python, "-I", "-S", "-c", code])
    assert holder.receive(20) == b"locked"
    with sandbox.open(bare, pack({}), SMALL) as other:
        assert python(other, bare, "print('runs')") == "runs"
    holder.kill()
