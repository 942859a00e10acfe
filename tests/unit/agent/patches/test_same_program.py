from __future__ import annotations

import pytest

from agent.patches.same_program import is_among

BASE = b"def add(a, b):\n    return a - b\n"
FIXED = b"def add(a, b):\n    return a + b\n"
TURNED_DOWN = {"calc.py": (BASE, FIXED)}


@pytest.mark.parametrize(
    "text",
    [
        FIXED,
        b"def add(a, b):\n    # The sum.\n    return a + b\n",
        b"def add(a, b):\r\n    return (a\r\n            + b)\r\n",
        b"def add(\n    a,\n    b,\n):\n\n    return ((a)) + b;\n",
    ],
)
def test_another_layout_is_no_other_patch(text: bytes) -> None:
    assert is_among({"calc.py": (BASE, text)}, [{}, TURNED_DOWN])


def test_a_further_file_that_changes_nothing_makes_no_other_patch() -> None:
    other = {"other.py": (b"x = 1\n", b"x = 1  # one\n")}
    assert is_among({"calc.py": (BASE, FIXED), **other}, [TURNED_DOWN])
    assert is_among({"calc.py": (BASE, FIXED)}, [{**TURNED_DOWN, **other}])


@pytest.mark.parametrize(
    "changes",
    [
        {"calc.py": (BASE, b"def add(a, b):\n    return b + a\n")},
        {"calc.py": (BASE, b"def add(a, b):\n    return a + b\n\n\nx = 1\n")},
        {"other.py": (BASE, FIXED)},
        {"calc.py": (BASE, FIXED), "other.py": (None, b"x = 1\n")},
        {"calc.py": (BASE, None)},
        {"calc.py": (BASE, FIXED + b"def (:\n")},
        {},
    ],
)
def test_what_the_program_does_otherwise_makes_another_patch(
    changes: dict[str, tuple[bytes | None, bytes | None]],
) -> None:
    assert not is_among(changes, [TURNED_DOWN])


def test_of_what_cannot_be_read_as_python_the_bytes_count() -> None:
    broken, text = b"def (:\n", b"a: 1\n"
    assert is_among({"a.py": (BASE, broken)}, [{"a.py": (BASE, broken)}])
    assert not is_among({"a.py": (BASE, broken)}, [{"a.py": (BASE, broken + b"\n")}])
    assert not is_among({"a.yaml": (text, b"a:  2\n")}, [{"a.yaml": (text, b"a: 2\n")}])


def test_a_patch_of_comments_alone_is_itself_and_no_other() -> None:
    one = {"calc.py": (BASE, b"# one\n" + BASE)}
    assert is_among(one, [one])
    assert not is_among(one, [{"other.py": (BASE, b"# two\n" + BASE)}])
    assert not is_among(one, [TURNED_DOWN])
