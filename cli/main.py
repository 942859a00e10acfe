"""The entry point: `repair <repo>` is the main job, a few first words are other commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path

import typer

from agent.untrusted_text import printable
from cli.apps.app import other_app, repair_app
from cli.completion import COMPLETION_VARIABLE, complete
from cli.display.console import say, survive_every_encoding
from cli.display.interrupt import signals_as_interrupts
from cli.exit_codes import ExitCode
from cli.options.arguments import expand_variadic
from sandbox.git.login import without_logins
from sandbox.host import programs

OTHERS = frozenset(typer.main.get_group(other_app).commands)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit code."""
    programs.shield()
    survive_every_encoding()
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["--version"], ["-V"]):
        print(f"repair {version('repair-agent')}")
        return ExitCode.OK
    if COMPLETION_VARIABLE in os.environ:
        return complete(repair_app, other_app)
    with signals_as_interrupts():
        return _command(words)


def _command(words: list[str]) -> int:
    code = ExitCode.OK if words else ExitCode.BAD_INPUT
    if command := _mistyped(words):
        sentence = f"There is no folder and no command {words[0]}. Did you mean `repair {command}`?"
        say(f"repair: {sentence}")
        return _without_result(words, sentence, ExitCode.BAD_INPUT)
    app = other_app if words[:1] and words[0] in OTHERS else repair_app
    try:
        # The result of a command is its exit code; --help has none.
        result = typer.main.get_command(app).main(
            args=expand_variadic(words, "--only") or ["--help"],
            prog_name="repair",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except typer.TyperException as error:
        sentence = without_logins(printable(_usage_error(error)))
        say(f"repair: {sentence}\nTry `{_command_path(error)} --help`.")
        return _without_result(words, sentence, ExitCode.BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) has seen enough. Python would complain again
        # when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT_CLOSED
    return result if isinstance(result, int) and result else code


def _usage_error(error: typer.TyperException) -> str:
    """What is wrong, with the options that may have been meant: `--` makes any two alike."""
    near = getattr(error, "possibilities", None)
    if near:
        word = getattr(error, "option_name", "").lstrip("-")
        names = {name.lstrip("-"): name for name in near}
        matches = [names[name] for name in get_close_matches(word, names)]
        error.possibilities = matches  # type: ignore[attr-defined]
    return error.format_message()


def _command_path(error: typer.TyperException) -> str:
    """The command whose help says more: `repair show`."""
    context = getattr(error, "ctx", None)
    return context.command_path if context is not None else "repair"


def _mistyped(words: Sequence[str]) -> str:
    """The command that was meant by a first word that is neither command nor folder."""
    word = words[0] if words else ""
    if not word.isalpha() or word in OTHERS or Path(word).exists():
        return ""
    return next(iter(get_close_matches(word, OTHERS, n=1)), "")


def _without_result(words: Sequence[str], sentence: str, code: ExitCode) -> int:
    """With `--json` one object comes out however a command ended."""
    if "--json" in words:
        from cli.display.progress.watch import failure_json  # it imports the displays

        print(failure_json(sentence, code), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
