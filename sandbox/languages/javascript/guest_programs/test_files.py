"""Guest program: runs the tests of a JavaScript project and streams what happens to the host.

It starts Node with a reporter in it (`reporters/channel.js` and one for each framework), so that a
test which ends the process costs itself alone. Python 3.8+, standard library only.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from typing import Any, Dict, List, Optional, Set, Tuple

from .emitting import emitter
from .node_process import MAX_LINE_BYTES, NodeProcess, ProcessEnding
from .packages import ids_of, lacking, nearest, packages_left, placed
from .reported import Run, lies_in, path_of

SKIPS_BY_NAME = 22
"""Major version of Node from which `--test-skip-pattern` is known."""
MAX_NAMES = 100
"""Of more tests the file runs as a whole: a command line is limited."""
NOTHING_RAN = 2
"""Exit status where the framework itself failed, as pytest has it: that is not a project without
tests."""


def run_files(run: Run) -> None:
    """node:test: each file is a program of its own."""
    request = run.request
    files = request["files"]
    if request["skip"]:  # this program was started again, in the file of the last result
        last = request["skip"][-1].partition("::")[0]
        files = files[files.index(last) if last in files else 0 :]
    for path in files:
        if path in run.done:
            continue  # a program that did not end
        ids = request["ids"]
        inside = None if ids is None else [n for n in ids if lies_in(n, path)]
        if inside is None or not all(name in run.done for name in inside):
            _run_file(run, path, inside)


def _run_file(run: Run, path: str, ids: Optional[List[str]]) -> None:
    names = None if ids is None or path in ids else ids
    if not _names_tests(run, path):
        run.starts(path)
    while True:
        ending = _once(run, path, names)
        if ending.culprit is not None:
            if ending.culprit in run.blamed:
                return  # leaving its name out does not keep it from running
            run.crashed(ending.culprit)
            continue
        if not ending.told and not _names_tests(run, path):
            run.program(path, ending.status)
        elif ending.unexplained:
            run.uncollected(path, run.output)
        is_missing = names is not None and any(
            name not in run.done and not any(lies_in(test_id, name) for test_id in run.seen)
            for name in names
        )
        if not is_missing:
            return
        names = None  # by name it was not found: as a whole, the file says what is in it


def _names_tests(run: Run, path: str) -> bool:
    """Whether a file asks for node:test; any other is one test, which its exit status decides."""
    try:
        with open(os.path.join(run.request["workspace"], path), "rb") as stream:
            return b"node:test" in stream.read(MAX_LINE_BYTES)
    except OSError:
        return True


def _once(run: Run, path: str, names: Optional[List[str]]) -> ProcessEnding:
    options = ["--test-reporter", "{reporter}"]
    options += ["--test-reporter-destination", "stdout", *_filters(run, path, names)]
    argv = [*run.request["argv"], *options, placed(run.request, path)]
    return run.follow(NodeProcess(run.request, argv, {"file": path}))


def _filters(run: Run, path: str, names: Optional[List[str]]) -> List[str]:
    """Options that run the named tests, and leave out those in which the process ended.

    Before Node 22 a name stands for all that lies in it, and nothing that lies in something else
    can be left out by itself.
    """
    skips = run.request["major"] >= SKIPS_BY_NAME
    culprit_parts = [t.split("::")[1:] for t in run.blamed if t.startswith(path + "::")]
    left_out = {n for parts in culprit_parts for n in _names(parts[-1] if skips else parts[0])}
    name_parts = [name.split("::")[1:] for name in names or ()]
    targets = {n for p in name_parts for part in (p if skips else p[:1]) for n in _names(part)}
    options = []
    if names is not None and len(name_parts) <= MAX_NAMES:
        options += ["--test-name-pattern", f"/^({_either(targets - left_out)})$/s"]
    if left_out and skips:
        options += ["--test-skip-pattern", f"/^({_either(left_out)})$/s"]
    elif left_out and (names is None or len(name_parts) > MAX_NAMES):
        options += ["--test-name-pattern", f"/^(?!({_either(left_out)})$)(?!<root>$)/s"]
    return options


def _names(name: str) -> Set[str]:
    """What a test may be called in its file: with a number that is its own, or without ours."""
    return {name, re.sub(r" #\d+$", "", name)}


def _either(names: Set[str]) -> str:
    return "|".join(re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\g<0>", name) for name in sorted(names))


def run_mocha(run: Run) -> None:
    """mocha: all files in one process, as it runs them itself; one by one those that are asked for,
    where some file cannot even be loaded."""
    request = run.request
    if _mocha(run, request["places"]):
        asked = None if request["ids"] is None else set(map(path_of, request["ids"]))
        for path in request["files"]:
            if (asked is None or path in asked) and _mocha(run, [placed(request, path)]):
                run.uncollected(path, run.output)


def _mocha(run: Run, places: List[str]) -> bool:
    """Run until every test has a result. Whether no test could be loaded at all."""
    request = run.request
    while True:
        argv = [*request["argv"], *request["options"], *places]
        selection = {"ids": request["ids"], "skip": sorted(run.done)}
        ending = run.follow(NodeProcess(request, argv, selection))
        if ending.culprit is None:
            return ending.unexplained and not ending.told
        if ending.culprit in run.blamed:
            return False
        run.crashed(ending.culprit)


def run_jest(run: Run) -> None:
    """jest: all files, or those of the tests that are asked for, in one process."""
    while True:
        argv = [*run.request["argv"], *jest_options(run), "--forceExit"]
        ending = run.follow(NodeProcess(run.request, argv, {}))
        if ending.culprit is None or ending.culprit in run.blamed:
            return
        run.crashed(ending.culprit)


def jest_options(run: Run) -> List[str]:
    """What jest is told: the project's own options, the tests that are left, and their files."""
    request, ids = run.request, run.request["ids"]
    file_arguments = request["places"]
    if ids is not None:
        paths = dict.fromkeys(placed(request, path_of(name)) for name in ids)
        file_arguments = ["--runTestsByPath", *paths]
    script_patterns, options = _named_by_script(request["options"])
    return [*options, *_jest_names(run, script_patterns), *file_arguments]


def _named_by_script(options: List[str]) -> Tuple[List[str], List[str]]:
    """The patterns of names that the script itself gives jest, and its other options: the pattern
    is given once."""
    patterns: List[str] = []
    other_options: List[str] = []
    queue = list(options)
    while queue:
        name, equals, value = queue.pop(0).partition("=")
        if name not in ("-t", "--testNamePattern"):
            other_options.append(name + equals + value)
        elif equals:
            patterns.append(value)
        else:
            patterns += queue[:1]
            queue = queue[1:]
    return patterns, other_options


def _jest_names(run: Run, own: List[str]) -> List[str]:
    """The option that runs the named tests, and leaves out those in which the process ended. jest
    matches the names of suites and test, put together with spaces."""
    ids = run.request["ids"]
    parts = [name.split("::")[1:] for name in ids or ()]
    are_tests = bool(parts) and all(parts) and len(parts) <= MAX_NAMES
    targets = {n for p in parts for n in _names(" ".join(p))} if are_tests else set()
    left_out = {n for t in run.blamed for n in _names(" ".join(t.split("::")[1:]))}
    # Only jest's last pattern counts, so that of the script stands in ours.
    pattern = "".join(f"(?=[^]*(?:{script_pattern}))" for script_pattern in own[-1:])
    pattern += f"(?!({_either(left_out)})$)" if left_out else ""
    pattern += f"({_either(targets)})( |$)" if targets else ""
    return ["--testNamePattern", f"^{pattern}"] if pattern else []


def run_vitest(run: Run) -> None:
    """vitest: the tests run in processes of its own, through a runner that knows which are asked
    for."""
    ids = run.request["ids"]
    paths = run.request["files"] if ids is None else list(dict.fromkeys(map(path_of, ids)))
    whole = run.request["places"] if ids is None else [_full_path(run, path) for path in paths]
    if _vitest(run, whole):
        return
    # One of them ended vitest itself, before it told of the errors that belong to no test: each
    # file runs once more, alone.
    for path in paths:
        if not _vitest(run, [_full_path(run, path)], again=True):
            run.uncollected(path, run.output)


def _full_path(run: Run, path: str) -> str:
    """For vitest any other name stands for each path that holds it."""
    return os.path.join(run.request["workspace"], path)


def _vitest(run: Run, chosen: List[str], *, again: bool = False) -> bool:
    """Run until every test has a result; `again` those too that have one, unless the process ended
    in them. Whether vitest came to its end."""
    request = run.request
    ids = request["ids"]
    while True:
        mark = secrets.token_hex(16)
        asked = {
            "workspace": request["workspace"],
            "folder": os.path.join(request["workspace"], request["folder"]),
            "ids": ids,
            "skip": sorted(run.blamed if again else run.done),
        }
        with tempfile.NamedTemporaryFile(prefix="repair-", suffix=".mjs") as stream:
            text = f"const ASKED = {json.dumps({**asked, 'mark': mark})};\n{request['runner']}"
            stream.write(text.encode("utf-8"))
            stream.flush()
            argv = [*request["argv"], *request["options"], *chosen]
            ending = run.follow(NodeProcess(request, argv, {"mark": mark, "runner": stream.name}))
        if ending.culprit is None or ending.culprit in run.blamed:
            return ending.through or ending.status == 0
        run.crashed(ending.culprit)


FRAMEWORKS = {
    "node:test": run_files,
    "node": run_files,
    "mocha": run_mocha,
    "jest": run_jest,
    "vitest": run_vitest,
}


def run_packages(run: Run) -> int:
    """All packages, one after the other. Exit status: NOTHING_RAN where the framework of the only
    one failed; of several that one is told, and the others run."""
    request = run.request
    packages = packages_left(request)
    for package in packages:
        ids = ids_of(request, package)
        if ids is not None and not ids and len(request["packages"]) > 1:
            continue
        run.request = {**request, **package, "ids": ids}
        run.request["argv"] = [nearest(run.request, word) for word in package["argv"]]
        seen, run.status = len(run.seen), 0
        absent = lacking(run.request["argv"])
        if absent:
            run.status, run.output = 1, f"{absent[0]} is not installed"
        else:
            FRAMEWORKS[package["framework"]](run)
        if run.status and len(run.seen) == seen:
            if len(request["packages"]) == 1:
                return NOTHING_RAN
            run.uncollected(os.path.join(package["folder"], "package.json"), run.output)
    return 0


def main(request: Dict[str, Any]) -> None:
    request["workspace"] = os.path.realpath(request["workspace"])
    emit = emitter(request["nonce"])
    run = Run(request, emit)
    status = run_packages(run)
    emit("finished", status=1 if run.failed else status, output=run.output)
    os._exit(0)
