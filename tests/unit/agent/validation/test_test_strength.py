"""Which small faults are put into the lines of a patch."""

from __future__ import annotations

import pytest

from agent.validation import test_strength as subject
from agent.validation.test_strength import _swaps, small_faults, written_lines

BASE = "def f(a, b):\n    if a > b:\n        return a\n    return b\n"
PATCHED = BASE.replace("a > b", "a >= b + 1")


def test_faults_stand_in_the_lines_of_the_patch_alone() -> None:
    assert written_lines(BASE, PATCHED) == {2}
    swaps = list(_swaps({"m.py": (BASE.encode(), PATCHED.encode())}))
    assert {PATCHED[s.start : s.end] for s in swaps} == {">=", "+", "1", "a", "b"}
    assert all(PATCHED.count("\n", 0, s.start) == 1 for s in swaps)


def test_beside_a_removed_line_where_nothing_was_written() -> None:
    removed = BASE.replace("        return a\n", "        pass\n").replace("    return b\n", "")
    assert written_lines(BASE, BASE.replace("    return b\n", "")) == {3, 4}
    assert written_lines(BASE, removed) == {3}


def test_few_are_tried_and_operators_first() -> None:
    tried = small_faults({"m.py": (BASE.encode(), PATCHED.encode())})
    assert len(tried) == 6
    assert not tried[0].replacement.isidentifier()


def test_what_is_no_python_has_none() -> None:
    assert not list(_swaps({"a.txt": (b"1", b"2"), "m.py": (b"x", None)}))


def test_of_a_large_patch_few_tokens_are_looked_at_and_the_picks_alone_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "".join(f"name_{n} = other_{n} + {n}\n" for n in range(3000))
    changes = {"m.py": (b"x = 1\n", text.encode())}
    compiled: list[object] = []
    monkeypatch.setattr(subject, "swap_compiles", lambda _, edit: bool(compiled.append(edit)))
    assert len(list(_swaps(changes))) <= subject.MAX_TOKENS * subject.MAX_NAMES
    assert not small_faults(changes)
    assert 0 < len(compiled) <= 2 * subject.MAX_SWAPS


def test_of_a_large_file_the_written_lines_alone() -> None:
    lines = [f"name_{n} = other_{n} + {n}\n" for n in range(3000)]
    old = "".join(lines)
    new = old.replace("other_7 + 7", "other_7 - 7")
    swaps = list(_swaps({"m.py": (old.encode(), new.encode())}))
    assert {new.count("\n", 0, swap.start) for swap in swaps} == {7}
    assert len(swaps) < 100


def test_nothing_is_picked_once_the_time_is_over() -> None:
    assert not small_faults({"m.py": (BASE.encode(), PATCHED.encode())}, deadline=0.0)


def test_a_form_feed_ends_no_line() -> None:
    base, patched = f"a = 1\n\x0c\n{BASE}", f"a = 1\n\x0c\n{PATCHED}"
    assert written_lines(base, patched) == {4}
    swaps = _swaps({"m.py": (base.encode(), patched.encode())})
    assert {patched[s.start : s.end] for s in swaps} == {">=", "+", "1", "a", "b"}


def test_many_changed_lines_count_as_written_without_being_compared() -> None:
    old = "".join(f"{n}\n" for n in range(1500))
    new = "".join(f"{n}!\n" for n in range(1500))
    assert written_lines(f"a\n{old}b\n", f"a\n{new}b\n") == frozenset(range(2, 1502))
