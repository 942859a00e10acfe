"""What the user typed, checked: each bad value has a sentence that says what to give instead."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.model_address import kept_address
from agent.untrusted_text import printable, shortened
from cli.errors import BadInput
from sandbox.egress.rules import split_host
from sandbox.git.login import Login, split_login, without_login
from sandbox.host import programs
from sandbox.languages.python.detection.variables.allowed import check_variables

MAX_ISSUE_BYTES = 256 * 1024
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|(?:[\w.+-]+@)?[\w.-]+:(?!//)\S", re.IGNORECASE)
_VERSION = re.compile(r"3\.\d{1,2}(\.\d{1,2})?")


def expand_variadic(argv: Sequence[str], option: str) -> list[str]:
    """Turn `--only A B` into `--only A --only B`; the words end at the next option."""
    words: list[str] = []
    is_collecting = False
    for position, argument in enumerate(argv):
        if argument == "--":
            return words + list(argv[position:])
        if argument == option or argument.startswith("-"):
            is_collecting = argument == option
            is_first = True
            words.append(argument)
        elif is_collecting and not is_first:
            words += (option, argument)
        else:
            is_first = False
            words.append(argument)
    return words


def is_url(target: str) -> bool:
    return _URL.match(target) is not None and not Path(target).exists()


def lasting_target(target: str) -> str:
    """A folder as an absolute path without links: `repair resume` works from anywhere, and
    `--apply` writes into the folder that was there when the repair began. Of a URL what may be
    kept."""
    return without_login(target) if is_url(target) else str(Path(target).expanduser().resolve())


def login_of(target: str) -> Login | None:
    """User and password in a URL that was checked."""
    return split_login(target)[1] if is_url(target) else None


def check_target(target: str, *, writes: str | None) -> None:
    """`writes` is the option that needs a local folder, when one was given."""
    if not target.strip():
        raise BadInput("The repository is empty text; give a folder or a git URL.")
    if is_url(target):
        try:
            split_login(target)
        except ValueError as error:
            raise BadInput(f"The repository cannot be used: {error}.") from None
        if writes:
            raise BadInput(f"{writes} needs a local folder; for a URL, save with --output FILE.")
        return
    path = Path(target).expanduser()
    if not path.exists():
        raise BadInput(f"There is no folder {printable(target)}; give a folder or a git URL.")
    if not path.is_dir():
        raise BadInput(f"{printable(target)} is a file; give the folder of the repository.")
    if writes not in (None, "--branch") and not os.access(path, os.W_OK):
        raise BadInput(f"{printable(target)} is read-only for you; leave {writes} out.")


def check_root(root: str | None, target: str) -> str | None:
    """The folder without links outside which nothing is read; `target` is without links, too."""
    if root is None:
        return None
    folder = Path(root).expanduser().resolve()
    if is_url(target) or not Path(target).is_relative_to(folder):
        raise BadInput(f"{printable(target)} is not below {printable(str(folder))} (--root).")
    return str(folder)


def check_seconds(seconds: float) -> float:
    if not math.isfinite(seconds) or seconds <= 0:
        raise BadInput(f"--max-seconds {seconds:g} is no time; give a number above 0, e.g. 300.")
    return seconds


def check_candidates(number: int) -> int:
    if number < 1:
        raise BadInput(f"--max-candidates {number} tries nothing; give 1 or more.")
    return number


def check_count(number: int, option: str, maximum: int | None = None) -> int:
    if number < 1 or (maximum is not None and number > maximum):
        bounds = "1 or more" if maximum is None else f"1 to {maximum}"
        raise BadInput(f"{option} {number} cannot be used; give {bounds}.")
    return number


def check_search_seconds(seconds: float) -> float:
    if not math.isfinite(seconds) or seconds < 0:
        raise BadInput(f"--search-seconds {seconds:g} is no time; give 0 or more.")
    return seconds


def check_model_url(url: str | None) -> str | None:
    """A server's address. What is wrong is told without it: it may hold a password."""
    if url is None:
        return None
    try:
        return kept_address(url)
    except ValueError as error:
        raise BadInput(f"--model-url cannot be used: {error}.") from None


def check_model(model: str | None, url: str | None) -> str | None:
    """A file or folder by its absolute path, so that `repair resume` works from anywhere."""
    if model is None or url is not None:
        return model
    is_script = model.startswith("scripted:")
    path = Path(model.removeprefix("scripted:")).expanduser().absolute()
    if is_script:
        if not path.is_file():
            raise BadInput(f"--model: there is no script {printable(str(path))}.")
        return f"scripted:{path}"
    if not (path / "config.json").is_file():
        raise BadInput(
            f"--model: {printable(model)} is no folder of a checkpoint (it has no config.json). "
            "Give such a folder, scripted:FILE, or a server with --model-url."
        )
    return str(path)


def check_sandbox(name: str) -> str:
    from sandbox.engines.choose import ENGINE_NAMES  # with the engines, and Docker's SDK

    if name not in ENGINE_NAMES:
        raise BadInput(f"--sandbox {printable(name)!r}: give one of {', '.join(ENGINE_NAMES)}.")
    return name


def check_hosts(hosts: Sequence[str] | None) -> tuple[str, ...]:
    for host in hosts or ():
        try:
            split_host(host)
        except ValueError:
            raise BadInput(
                f"--allow-host {printable(host)!r} is no host; give a name such as example.org, "
                "or name:port."
            ) from None
    return tuple(hosts or ())


def check_env(pairs: Sequence[str] | None) -> dict[str, str]:
    """Variables of the tests from `NAME=VALUE`, the last of a name counts."""
    variables = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadInput(f"--env {shortened(pair, 100)!r}: give NAME=VALUE.")
        variables[name] = value
    try:
        return check_variables(variables)
    except ValueError as error:
        raise BadInput(f"--env: {printable(str(error))}.") from None


def check_python(python: str | None) -> str | None:
    """A version of Python 3 or an interpreter that exists."""
    if python is None or _VERSION.fullmatch(python) or _is_program(python):
        return python
    raise BadInput(
        f"--python {printable(python)!r} is neither a version such as 3.11 nor a program here."
    )


def _is_program(python: str) -> bool:
    if "/" in python:
        return os.access(Path(python).expanduser(), os.X_OK)
    return programs.program(python) is not None


def check_output(output: Path | None, option: str = "--output") -> Path | None:
    if output is None:
        return None
    if output.is_symlink():
        raise BadInput(
            f"{option} {printable(str(output))} is a symbolic link, which is not written through: "
            "name the file that is meant."
        )
    if output.is_dir():
        raise BadInput(f"{option} {printable(str(output))} is a folder; give a file name in it.")
    if output.exists() and not output.is_file():
        raise BadInput(f"{option} {printable(str(output))} is no file; give the name of one.")
    if not output.absolute().parent.is_dir():
        raise BadInput(f"{option}: there is no folder {printable(str(output.parent))}.")
    if not os.access(output.absolute().parent, os.W_OK):
        raise BadInput(f"{option}: you may not write in {printable(str(output.parent))}.")
    return output


def problem_statement(issue: str | None) -> str | None:
    """The text itself, the content of a file of that name, or standard input for `-`."""
    if issue is None:
        return None
    text = _issue_text(issue)
    if not text.strip():
        raise BadInput("--issue is empty; describe what goes wrong, or leave it out.")
    return text


def _issue_text(issue: str) -> str:
    if issue == "-":
        return _decoded(sys.stdin.buffer.read(MAX_ISSUE_BYTES + 1))
    path = Path(issue)
    # A text with a line break, or longer than a name can be, is no file.
    if "\n" not in issue and len(issue.encode(errors="replace")) < 255 and path.is_file():
        with path.open("rb") as stream:
            return _decoded(stream.read(MAX_ISSUE_BYTES + 1))
    if not re.search(r"\s", issue) and path.suffix in (".md", ".txt", ".rst"):
        raise BadInput(f"--issue: there is no file {shortened(issue, 200)}.")
    return _decoded(issue.encode("utf-8", "surrogateescape"))


def _decoded(content: bytes) -> str:
    if len(content) > MAX_ISSUE_BYTES:
        raise BadInput(f"--issue is over {MAX_ISSUE_BYTES // 1024} KiB; give only what matters.")
    return content.decode("utf-8", "replace")
