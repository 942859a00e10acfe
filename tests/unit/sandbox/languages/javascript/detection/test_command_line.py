"""Scripts that are made to be read for ever."""

from __future__ import annotations

from sandbox.languages.javascript.detection.command_line import MAX_SCRIPTS, commands_in


def test_scripts_that_call_many_that_call_many_come_to_an_end() -> None:
    """Of 100 at each level nobody would see the end."""
    scripts = {a: f"run-s {f'{b} ' * 100}" for a, b in ("ab", "bc", "cd", "de")}
    commands = list(commands_in(f"run-s {'a ' * 100}", {**scripts, "e": "mocha"}))
    assert {command.program for command in commands} <= {"run-s", "mocha"}
    assert 0 < len(commands) <= MAX_SCRIPTS


def test_a_script_that_no_person_wrote_is_not_read() -> None:
    """Each of these starts the one behind it: deeper than the interpreter's stack."""
    assert list(commands_in("npm exec " * 2000 + "mocha", {})) == []
    assert [c.program for c in commands_in("npm exec " * 20 + "mocha", {})] == ["mocha"]
