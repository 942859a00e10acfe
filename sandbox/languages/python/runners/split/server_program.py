"""The program of the server, as it is sent to the sandbox of the code."""

from __future__ import annotations

GUEST_MODULES = (
    "marshalling.errors",
    "marshalling.value_kinds",
    "marshalling.named_objects",
    "marshalling.handles",
    "marshalling.object_table",
    "marshalling.encode",
    "marshalling.decode",
    "marshalling.comparable",
    "split_calls.module_state",
    "split_calls.machine_functions",
    "split_calls.machine_watch",
    "split_calls.peer",
    "split_calls.server",
)
"""What the server is made of: guest modules, each after those it imports."""
# Leaves nothing behind by which the code could tell who started it: no module, no name. Begins
# isolated and goes on without PYTHONPATH: a `types.py` of the project must not hide Python's own.
BOOT = """
def run():
    del globals()["run"]
    import os, sys
    if sys.flags.isolated:
        kept = dict(os.environ)
        roots = kept.pop("PYTHONPATH", "")
        line = [sys.executable, "-W", "default", "-c", sys.argv[1], sys.argv[1], roots]
        os.execve(sys.executable, line, kept)
    import json, types
    unread = b""
    while b"\\n" not in unread:
        piece = os.read(0, 1 << 16)
        if not piece: os._exit(0)
        unread += piece
    line, _, unread = unread.partition(b"\\n")
    program = json.loads(line)
    made = {}
    def make(name):
        made[name] = sys.modules[name] = types.ModuleType(name)
        return made[name]
    make("s").__path__ = []
    for name, source in program["sources"]:
        folder = "s." + name.rpartition(".")[0]
        if folder not in made: make(folder).__path__ = []
        module = make("s." + name)
        module.__package__ = folder
        exec(source, module.__dict__)
    for name in made: del sys.modules[name]
    roots = sys.argv[2]
    if roots:
        os.environ["PYTHONPATH"] = roots
        sys.path[1:1] = roots.split(os.pathsep)
    module.main(program["request"], unread)
run()
"""
