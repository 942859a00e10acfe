"""A program of tests: which tests it has, and one of them in a process of its own. Python 3.8+,
standard library only."""

from __future__ import annotations

import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .cargo import Target, environment

LIST_SECONDS = 60.0
MAX_LIST_BYTES = 64 << 20
MAX_HEAD_BYTES, MAX_TAIL_BYTES = 16 << 10, 48 << 10
"""Of what a test prints."""
FAILED_STATUS = 101
_UNUSUAL = "the process ended while this test ran"


class Test:
    """A test of a program."""

    def __init__(self, program: "BuiltTests", name: str, path: str, ignored: bool) -> None:
        self.program, self.name, self.path, self.ignored = program, name, path, ignored


class End:
    """How a test ended."""

    def __init__(self, outcome: str, text: str, cause: str = "") -> None:
        self.outcome, self.text, self.cause = outcome, text, cause


class BuiltTests:
    """The program of one target."""

    def __init__(self, program: str, target: Target, root: str) -> None:
        self.program, self.target, self.root = program, target, root

    def tests(self) -> Optional[List[Test]]:
        """Its tests; None where it does not tell."""
        argv = [self.program, "--list", "-Z", "unstable-options", "--format", "json"]
        with tempfile.TemporaryFile() as output:
            try:
                subprocess.run(
                    argv,
                    cwd=self.target.folder,
                    # Else what is unstable is refused; no test runs here.
                    env=self._environment(RUSTC_BOOTSTRAP="1"),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.DEVNULL,
                    timeout=LIST_SECONDS,
                    check=False,
                )
            except (OSError, ValueError, subprocess.SubprocessError):
                return None
            output.seek(0)
            lines = list(_objects(output.read(MAX_LIST_BYTES)))
        if not any(line.get("event") == "completed" for line in lines):
            return None
        return [test for line in lines for test in self._test(line)]

    def _test(self, line: Dict[str, Any]) -> Iterator[Test]:
        name, path = line.get("name"), line.get("source_path")
        if line.get("event") == "discovered" and isinstance(name, str) and isinstance(path, str):
            full = os.path.realpath(os.path.join(self.root, path))
            if not full.startswith(self.root + "/"):
                full = self.target.path  # a macro of another package made it
            yield Test(self, name, full, line.get("ignore") is True)

    def run(self, name: str) -> End:
        """Run one test. What counts is what its program writes into a file of an unforeseeable
        name; what it prints is shown and no more."""
        folder = tempfile.mkdtemp()
        record = os.path.join(folder, "outcome")
        argv = [self.program, "--exact", name, "--nocapture", "--test-threads=1"]
        argv += ["--logfile", record]
        try:
            with tempfile.TemporaryFile() as output:
                status = self._wait(argv, output)
                text = _shown(output)
            return _end(name, status, _recorded(record), text)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _wait(self, argv: List[str], output: Any) -> int:
        try:
            process = subprocess.Popen(
                argv,
                cwd=self.target.folder,
                env=self._environment(RUST_BACKTRACE="1"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            output.write(str(error).encode("utf-8", "replace"))
            return 127
        status = process.wait()
        try:
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind
        except OSError:
            pass
        return status

    def _environment(self, **variables: str) -> Dict[str, str]:
        """What Cargo gives to tests."""
        deps = os.path.dirname(self.program)
        compiler = shutil.which("rustc")
        rust = os.path.dirname(os.path.dirname(os.path.realpath(compiler))) if compiler else ""
        libraries = [deps, os.path.dirname(deps)]
        libraries += [*glob.glob(f"{rust}/lib/rustlib/*/lib"), f"{rust}/lib"] if rust else []
        return environment(
            CARGO_MANIFEST_DIR=self.target.folder,
            CARGO_MANIFEST_PATH=os.path.join(self.target.folder, "Cargo.toml"),
            CARGO_PKG_NAME=self.target.package,
            CARGO_PKG_VERSION=self.target.version,
            LD_LIBRARY_PATH=":".join(libraries),
            **variables,
        )


def _end(name: str, status: int, recorded: Tuple[str, ...], text: str) -> End:
    if recorded == (f"ok {name}",) and status == 0:
        return End("passed", text)
    if status == FAILED_STATUS and recorded and recorded[0].startswith("failed"):
        return End("failed", text)  # a reason may stand before the name
    if len(recorded) == 1 and recorded[0].startswith("ignored") and status == 0:
        return End("skipped", text)
    if status == -signal.SIGABRT and " panicked at " in text:
        return End("failed", text)
    ending = f"exit status {status}"
    if status < 0:
        ending = f"signal {-status}"
        if -status in set(signal.Signals):
            ending = signal.Signals(-status).name
    return End("crashed", text, f"{_UNUSUAL} ({ending})")


def _recorded(path: str) -> Tuple[str, ...]:
    try:
        with open(path, "rb") as stream:
            text = stream.read(1 << 16).decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(row for row in text.splitlines() if row)


def _shown(output: Any) -> str:
    size = output.seek(0, 2)
    output.seek(0)
    if size <= MAX_HEAD_BYTES + MAX_TAIL_BYTES:
        content = output.read()
    else:
        head = output.read(MAX_HEAD_BYTES)
        output.seek(size - MAX_TAIL_BYTES)
        content = head + b"\n[...]\n" + output.read()
    return str(content.decode("utf-8", "replace"))


def _objects(content: bytes) -> Iterator[Dict[str, Any]]:
    for line in content.split(b"\n"):
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict):
            yield one
