"""Completion in the shell: `repair` is two apps, and a script knows one command."""

from __future__ import annotations

import os

import typer
from typer import completion

from cli.errors import BadInput

PROGRAM = "repair"
COMPLETION_VARIABLE = "_REPAIR_COMPLETE"
"""What a shell's script sets when it asks what could come next."""
SHELLS = ("bash", "zsh", "fish", "powershell")


def script(shell: str) -> str:
    """The text that makes a shell ask us. Raises BadInput for a shell that is not known."""
    if shell not in SHELLS:
        raise BadInput(f"There is no completion for {shell!r}; give one of {', '.join(SHELLS)}.")
    text: str = completion.get_completion_script(  # type: ignore[attr-defined]
        prog_name=PROGRAM, complete_var=COMPLETION_VARIABLE, shell=shell
    )
    return text


def complete(repair_app: typer.Typer, other_app: typer.Typer) -> int:
    """Answer the shell: commands for the first word, else what the app of that word takes."""
    completion.completion_init()  # type: ignore[attr-defined]
    commands = typer.main.get_group(other_app)
    words = _typed()
    first = words[0] if words else ""
    is_first = len(words) < 2 and not first.startswith("-")
    app = commands if is_first or first in commands.commands else typer.main.get_command(repair_app)
    try:
        app.main(args=[], prog_name=PROGRAM, complete_var=COMPLETION_VARIABLE)
    except SystemExit as ending:
        return int(ending.code or 0)
    return 0


def _typed() -> list[str]:
    """The words after the program's name, the one that is being typed included."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    return line.split()[1:]
