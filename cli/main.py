"""The entry point: `repair <repo>` is the main job, a few first words are other commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import typer

from agent.printable import printable
from cli.apps.app import other_app, repair_app
from cli.display.console import say
from cli.display.interrupt import signals_as_interrupts
from cli.exit_codes import ExitCode
from cli.options.arguments import expand_variadic
from sandbox.host import programs

OTHERS = frozenset(typer.main.get_group(other_app).commands)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit code."""
    programs.shield()
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["--version"], ["-V"]):
        print(f"repair {version('repair-agent')}")
        return ExitCode.OK
    with signals_as_interrupts():
        return _command(words)


def _command(words: list[str]) -> int:
    code = ExitCode.OK if words else ExitCode.BAD_INPUT
    app = other_app if words[:1] and words[0] in OTHERS else repair_app
    try:
        # The result of a command is its exit code; --help has none.
        done = typer.main.get_command(app).main(
            args=expand_variadic(words, "--only") or ["--help"],
            prog_name="repair",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except typer.TyperException as error:
        sentence = printable(error.format_message())
        say(f"repair: {sentence}\nTry `repair --help`.")
        return _without_result(words, sentence, ExitCode.BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) has seen enough. Python would complain again
        # when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT_CLOSED
    return done if isinstance(done, int) and done else code


def _without_result(words: Sequence[str], sentence: str, code: ExitCode) -> int:
    """With `--json` one object comes out however a command ended."""
    if "--json" in words:
        from cli.display.watch import failure_json  # it imports the displays

        print(failure_json(sentence, code), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
