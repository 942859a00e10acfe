"""Guest program: the same few tests again and again, in one process of Node that stays.

The host changes files between two turns. A process that ends, or says nothing any more, is not
started again: the host starts another program like this. Python 3.8+, standard library only.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

from .emitting import emitter
from .node_process import NodeProcess
from .packages import folder_of, nearest, placed
from .reported import Run, path_of
from .test_files import jest_options

OPTIONS: Dict[str, Callable[[Run], Any]] = {
    "mocha": lambda run: run.request["options"],
    "jest": jest_options,
}


def main(request: Dict[str, Any]) -> None:
    request["workspace"] = os.path.realpath(request["workspace"])
    emit = emitter(request["nonce"])
    folder = folder_of(request, path_of(request["ids"][0]))
    package = next(one for one in request["packages"] if one["folder"] == folder)
    request = {**request, **package, "skip": [], "blamed": []}
    *node, program = [nearest(request, word) for word in package["argv"]]
    turns, asking = os.pipe()
    told = {
        "argv": [program, *OPTIONS[package["framework"]](Run(request, emit))],
        "files": list(dict.fromkeys(placed(request, path_of(name)) for name in request["ids"])),
        "ids": request["ids"],
        "skip": [],
        "turns": turns,
    }
    process = NodeProcess(request, [*node, "{reporter}"], told, handed=turns)
    os.close(turns)
    first = next(process.lines(lambda: None), None)
    if first is None or first.get("kind") != "ready":
        emit("finished", status=1, output=process.output())
        os._exit(0)
    emit("loaded", paths=first["loaded"])
    while os.read(0, 1 << 16):
        run = Run(request, emit)
        try:
            os.write(asking, b"\n")
        except OSError:
            break
        ending = run.follow_turn(process)
        if ending.culprit is not None:
            run.crashed(ending.culprit)
        process.forget_output()
        emit("finished", status=int(run.failed), output=run.output)
        if not ending.through:
            break
    process.end()
    os._exit(0)
