"""Records as options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from cli.options.record_options import spread

Colour = Annotated[str, typer.Option("--colour", "-c", help="Which colour.")]


@dataclass(frozen=True, kw_only=True)
class Look:
    name: Annotated[str, typer.Argument()]
    colour: Colour = "red"


@dataclass(frozen=True, kw_only=True)
class Size(Look):
    width: Annotated[int, typer.Option()] = 3


def run(words: list[str]) -> list[object]:
    seen: list[object] = []
    app = typer.Typer()

    @app.command()
    @spread
    def paint(size: Size, twice: Annotated[bool, typer.Option("--twice")] = False) -> int:
        """Paint it."""
        seen.extend((size, twice))
        return 7

    assert typer.main.get_command(app).main(args=words, standalone_mode=False) == 7
    return seen


def test_fields_become_options_and_come_back_as_the_record() -> None:
    assert run(["door"]) == [Size(name="door"), False]
    words = ["door", "-c", "blue", "--width", "4", "--twice"]
    assert run(words) == [Size(name="door", colour="blue", width=4), True]


def test_a_field_without_a_default_is_required() -> None:
    with pytest.raises(typer.TyperException, match="name"):
        run([])
