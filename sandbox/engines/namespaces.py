"""Why this kernel lets no ordinary user make namespaces, which bubblewrap needs, and what to do."""

from __future__ import annotations

from pathlib import Path

from sandbox.host import programs

CONTAINER_SIGNS = (".dockerenv", "run/.containerenv")
_SWITCHES = (
    ("kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)
"""Setting below /proc/sys, the value that forbids, and the command that allows."""
_TRIAL = ("--ro-bind", "/", "/", "--unshare-all", "--die-with-parent")


def may_make_namespaces(bwrap: str, timeout_seconds: float = 10) -> bool:
    """Whether the program at this path can open anything at all here."""
    try:
        trial = programs.run(
            (bwrap, *_TRIAL, *programs.python("-c", "")), timeout_seconds=timeout_seconds
        )
    except (OSError, programs.TookTooLong):
        return False
    return trial.returncode == 0


def what_forbids(root: Path = Path("/")) -> str:
    """What forbids user namespaces here, and how to allow them; one clause. `root`: of the files
    that are looked at."""
    for name, forbids, command in _SWITCHES:
        if _value(root / "proc/sys" / name) == forbids:
            setting = name.replace("/", ".")
            return (
                f"the kernel's setting {setting} = {forbids} forbids it; allow it with `{command}`"
            )
    if any((root / sign).exists() for sign in CONTAINER_SIGNS):
        return (
            "this container forbids it; start it with `--security-opt seccomp=unconfined"
            " --security-opt apparmor=unconfined --security-opt systempaths=unconfined`,"
            " or run `repair` outside"
        )
    return "the kernel, or who started this session, forbids it; see docs/troubleshooting.md"


def _value(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
