"""Commands that run a script of other packages."""

from __future__ import annotations

import pytest

from sandbox.languages.javascript.detection.command_line import commands_in
from sandbox.languages.javascript.detection.workspace.delegation import Delegation, delegation

SCRIPTS = {"test": "mocha"}


@pytest.mark.parametrize(
    ("command", "names", "script"),
    [
        ("npm test --workspaces --if-present", (), "test"),
        ("npm run test -ws", (), "test"),
        ("npm t -w packages/a", ("packages/a",), "test"),
        ("npm run test:unit --workspace=@x/a -- --watch", ("@x/a",), "test:unit"),
        ("npm --prefix ./packages/a test", ("packages/a",), "test"),
        ("pnpm -r test", (), "test"),
        ("pnpm recursive run test", (), "test"),
        ("pnpm --filter '@x/a...' run unit", ("@x/a",), "unit"),
        ("pnpm --filter {./packages/a} test", ("packages/a",), "test"),
        ("yarn workspaces foreach -Ap run test", (), "test"),
        ("yarn workspaces run test", (), "test"),
        ("yarn workspace @x/a test", ("@x/a",), "test"),
        ("npx lerna run test --scope=@x/a", ("@x/a",), "test"),
        ("turbo run build test", (), "test"),
        ("nx run-many -t test", (), "test"),
    ],
)
def test_which_packages_a_command_asks(command: str, names: tuple[str, ...], script: str) -> None:
    (found,) = commands_in(command, SCRIPTS)
    asked = delegation(found.program, found.arguments)
    assert asked == Delegation(names=names, script=script)


@pytest.mark.parametrize("command", ["npm test", "pnpm test", "yarn test", "npm run test -- -r x"])
def test_what_asks_the_package_at_the_top(command: str) -> None:
    programs = [found.program for found in commands_in(command, SCRIPTS)]
    assert "mocha" in programs


@pytest.mark.parametrize(
    "command",
    [
        "yarn mocha -r ts-node/register test",
        "yarn run mocha -r x",
        "pnpm exec mocha -r x",
        "npm exec mocha -w",
    ],
)
def test_options_of_a_program_behind_a_package_manager_are_its_own(command: str) -> None:
    programs = [found.program for found in commands_in(command, SCRIPTS)]
    assert programs == ["mocha"]
