"""Configuration that costs its reader more than its size: time, memory, depth."""

from __future__ import annotations

import ast
import time

import pytest

from sandbox.host.untrusted_toml import MAX_KEY_DOTS, parse_toml
from sandbox.languages.python.detection.packaging.setup_py import MAX_JOINED_ITEMS, setup_arguments

PARTS = ".".join(["a"] * 60_000)
QUOTED = ".".join(['"a"'] * 40_000)


@pytest.mark.parametrize("key", [f"{PARTS} = 1", f"[{PARTS}]", f"{QUOTED} = 1", f"[[x.{PARTS}]]"])
def test_a_key_of_many_parts_is_refused_at_once(key: str) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="parts"):
        parse_toml(f"[tool.x]\n{key}\n")
    assert time.process_time() - began < 1.0


def test_dots_in_texts_are_no_parts() -> None:
    versions = ", ".join(f'"package>={number}.0.1"' for number in range(MAX_KEY_DOTS))
    assert len(parse_toml(f"dependencies = [{versions}]\n")["dependencies"]) == MAX_KEY_DOTS
    assert parse_toml("text = '" + "." * 2 * MAX_KEY_DOTS + "'\n")


def test_what_is_nested_too_deep_is_no_toml() -> None:
    with pytest.raises(ValueError, match="deep"):
        parse_toml("a = " + "[" * 20_000)


def test_a_name_that_doubles_does_not_fill_the_memory() -> None:
    for first in ("'abc'", "['abc']"):
        source = f"a = {first}\n" + "a = a + a\n" * 60 + "setup(name='x', keywords=a)\n"
        found = setup_arguments(ast.parse(source))
        assert found["name"] == "x"
        assert len(found.get("keywords", "")) <= MAX_JOINED_ITEMS


def test_a_long_sum_is_read() -> None:
    terms = " + ".join(f"['p{number}']" for number in range(2_500))
    found = setup_arguments(ast.parse(f"setup(install_requires={terms})"))
    assert found["install_requires"][::2_499] == ["p0", "p2499"]
