"""A program that holds an answer and its tests, run in a session and heard by its last words."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from agent.evaluation.records import Grade, GradeKind
from sandbox.base import CommandResult, Session

# The token is read only once every test has run: an answer that ends the process, with whatever
# exit code, has not said it. An answer written to find it could, as in every harness that runs
# answer and tests in one process.
_DRIVER = """
import os, sys
path = sys.argv.pop()
with open(path, encoding="utf-8", errors="surrogatepass") as file:
    text = file.read()
exec(compile(text, path, "exec"), {"__name__": "__main__"})
os.write(2, b"\\n" + os.read(0, 64))
"""
# The same of Node. The file is a module of its own, so that its `const`s meet nothing of this.
_NODE_DRIVER = """
const fs = require("fs"), Module = require("module"), nodePath = require("path");
const path = process.argv[1], write = fs.writeSync, read = fs.readFileSync;
const program = new Module(path);
program.filename = path;
program.paths = Module._nodeModulePaths(nodePath.dirname(path));
let ended = false;
globalThis[Symbol.for("end of tests")] = () => { ended = true; };
const tail = '\\n;globalThis[Symbol.for("end of tests")]();';
program._compile(fs.readFileSync(path, "utf8") + tail, path);
if (ended) write(2, "\\n" + read(0, "utf8"));
"""
_NODE_ENDINGS = ("Node.js v", "FATAL ERROR: ")
_NODE_ERROR = re.compile(r"(Uncaught )?([A-Za-z]*Error|FATAL ERROR)\b")
_FULL = (
    *("No space left on device", "Disk quota exceeded", "Resource temporarily unavailable"),
    *("ENOSPC", "EDQUOT", "EAGAIN"),
)


class ProgramLanguage(StrEnum):
    """What a program is written in."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"

    @property
    def file(self) -> str:
        return "answer_and_tests.py" if self is ProgramLanguage.PYTHON else "answer_and_tests.js"

    def argv(self, python: str, path: str) -> list[str]:
        """The command that runs a program's file; `node` comes first on PATH."""
        if self is ProgramLanguage.PYTHON:
            return [python, "-I", "-c", _DRIVER, path]
        return ["node", "-e", _NODE_DRIVER, path]


@dataclass(frozen=True, kw_only=True)
class ProgramEnding:
    """How a program with its tests ended."""

    command: CommandResult
    passed: bool
    """It came to the end of its tests."""

    @property
    def left_a_mess(self) -> bool:
        """Whether the session may be no longer what it was: the next program gets another one."""
        command = self.command
        return command.timed_out or command.out_of_memory or command.exit_code is None or self.full

    @property
    def full(self) -> bool:
        """Whether it failed for want of disk or processes, which an earlier program may have used
        up."""
        return not self.passed and any(words in self.command.stderr for words in _FULL)

    def grade(self) -> Grade:
        command = self.command
        if self.passed:
            return Grade(kind=GradeKind.SOLVED, why="all tests pass", seconds=command.seconds)
        if command.timed_out:
            kind, why = GradeKind.TIMED_OUT, f"no end after {command.seconds:.0f} s"
        elif command.out_of_memory:
            kind, why = GradeKind.OUT_OF_MEMORY, "more memory than the sandbox has"
        else:
            kind, why = GradeKind.FAILED, _last_line(command)
        return Grade(kind=kind, why=why, seconds=command.seconds)


def run_program(
    session: Session, python: str, program: str, seconds: float, language: ProgramLanguage
) -> ProgramEnding:
    """Run a program to its end. Raises SandboxDied, OSError (the workspace is full)."""
    token = secrets.token_hex(16)
    session.write(language.file, program.encode("utf-8", "surrogatepass"))
    path = f"{session.workspace.rstrip('/')}/{language.file}"
    command = session.run(
        language.argv(python, path), timeout_seconds=seconds, stdin=token.encode()
    )
    success = command.ok and command.stderr.endswith("\n" + token)
    return ProgramEnding(command=command, passed=success)


def _last_line(command: CommandResult) -> str:
    lines = [line for line in command.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if _NODE_ERROR.match(line)]
    if errors and any(line.startswith(_NODE_ENDINGS) for line in lines):
        return errors[0].strip()[:300]  # what stands below is where it was thrown
    if not lines:
        return f"it ended before its tests did, with exit code {command.exit_code}"
    return lines[-1].strip()[:300]
