"""How the guest gets into a sandbox: as source, over the channel that it will speak on."""

from __future__ import annotations

import json
from pathlib import Path

GUEST_MODULES = (
    "limits",
    "quota",
    "channel",
    "machine_age",
    "files",
    "supervisor",
    "command",
    "relay",
    "main",
)
"""Files of `guest`, each after those it imports."""
# Reads the length and the source that `guest_source` packs, then becomes the guest.
BOOTSTRAP = """
import os, sys, json, types
def take(n):
    d = b""
    while len(d) < n:
        p = os.read(0, n - len(d))
        if not p: os._exit(0)
        d += p
    return d
guest = sys.modules["repair_guest"] = types.ModuleType("repair_guest")
guest.__path__ = []
for name, source in json.loads(take(int.from_bytes(take(4), "big"))):
    module = sys.modules["repair_guest." + name] = types.ModuleType("repair_guest." + name)
    module.__package__ = "repair_guest"
    exec(compile(source, "guest/" + name + ".py", "exec"), module.__dict__)
    setattr(guest, name, module)
guest.main.main()
"""
INTERPRETER_FLAGS = ("-I", "-S", "-B", "-X", "utf8", "-c", BOOTSTRAP)


def guest_source() -> bytes:
    """Return the guest as `BOOTSTRAP` reads it: a length, then its modules as JSON."""
    folder = Path(__file__).parent / "guest"
    modules = [[name, (folder / f"{name}.py").read_text("utf-8")] for name in GUEST_MODULES]
    text = json.dumps(modules).encode()
    return len(text).to_bytes(4, "big") + text
