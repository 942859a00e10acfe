"""What a patch changes, as far as a second sandbox can show it."""

from __future__ import annotations

import ast

import pytest

from agent.validation.differential.instrumentation import (
    Form,
    all_functions,
    base_functions,
    compare,
    with_call_observers,
    with_questions,
)

BASE = '''\
"""Docs."""
LIMIT = 3


class Box:
    """A box."""

    @property
    def size(self):
        """Its size."""
        return LIMIT

    @size.setter
    def size(self, value):
        self._size = value


def walk(items, *more, deep=False, **rest):
    for item in items:
        yield item


def one(x): return x
'''


def test_only_changed_functions_are_chosen_with_their_places() -> None:
    patched = "# a line more\n" + BASE.replace("self._size = value", "self._size = int(value)")
    (found,) = compare("box.py", BASE, patched).functions
    assert (found.name, found.key) == ("size", ("Box.size", 2))
    assert (found.base_line, found.patched_line) == (13, 14)


def test_a_constant_outside_of_functions_moves_all_of_them() -> None:
    found = compare("box.py", BASE, BASE.replace("LIMIT = 3", "LIMIT = 4"))
    assert found.rebound == {"LIMIT"}
    assert [each.name for each in found.functions] == ["size", "size", "walk", "one"]
    # `one` has no line of its own for a question: it is called elsewhere as a whole.
    assert [each.form for each in found.functions] == [Form.BODY] * 3 + [Form.CALL]
    assert not any(each.changed for each in found.functions)


def test_names_that_tests_could_miss() -> None:
    patched = BASE.replace("deep=False", "deep=False, wide=True") + "\n\ndef two(y):\n    pass\n"
    found = compare("box.py", BASE, patched)
    assert found.added == {"two"}
    assert (found.doubts, found.reshaped) == ((), ("walk",))


def test_other_parameters_and_decorators_cross_with_the_call() -> None:
    for patched in (
        BASE.replace("deep=False", "deep=False, wide=True"),
        BASE.replace("(items, *more", "(things, *more"),
        BASE.replace("def walk", "@cache\ndef walk"),
    ):
        (found,) = compare("box.py", BASE, patched).functions
        assert (found.name, found.form) == ("walk", Form.CALL)
        assert found.whole == ("walk" if "@cache" in patched else "")
        tree = ast.parse(with_questions(BASE, [found]))
        walk = tree.body[3]
        assert isinstance(walk, ast.FunctionDef)
        assert "_repair_asked(" in ast.unparse(walk.decorator_list[0])


def test_what_an_async_function_does_is_not_asked_but_noted() -> None:
    source = "async def get(x):\n    return x\n"
    (found,) = compare("box.py", source, source.replace("return x", "return -x")).functions
    assert found.form is Form.NOTE
    assert with_questions(source, [found]).startswith("@_repair_noted(")
    assert base_functions("box.py", source, source) == ()


def test_a_new_class_brings_no_names_of_its_inside() -> None:
    patched = (
        BASE + "\n\nclass Lid(int):\n    __hash__ = int.__hash__\n\n    def __eq__(self, o):\n"
    )
    found = compare("box.py", BASE, patched + "        return True\n")
    assert found.added == {"Lid"}


def test_the_base_asks_before_it_does_anything() -> None:
    patched = BASE.replace("yield item", "yield item, 1").replace("LIMIT\n", "LIMIT + 1\n")
    found = compare("box.py", BASE, patched)
    text = with_questions(BASE, found.functions)
    tree = ast.parse(text)
    box, walk = tree.body[2], tree.body[3]
    assert isinstance(box, ast.ClassDef)
    size = box.body[1]
    assert isinstance(size, ast.FunctionDef)
    assert ast.get_docstring(size) == "Its size."
    assert "_asked_" in ast.unparse(size.body[1])
    assert isinstance(walk, ast.FunctionDef)
    assert "[items, *more], {'deep': deep, **rest}" in ast.unparse(walk.body[0])
    assert "yield from" in ast.unparse(walk.body[1])


@pytest.mark.parametrize(
    ("head", "body"),
    [("def f(x): \\\n", "    return x"), ("def f(x):\n    'doc'; ", "return x")],
    ids=["continued", "beside its docstring"],
)
def test_a_body_without_a_line_of_its_own_is_asked_from_outside(head: str, body: str) -> None:
    base = f"LIMIT = 3\n\n\n{head}{body}\n"
    found = compare("f.py", base, base.replace("return x", "return x + 1"))
    text = with_questions(base, found.functions)
    (function,) = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    assert len(function.decorator_list) == 1


def test_all_functions_with_their_places_before_and_after() -> None:
    patched = (
        "# a line more\n"
        + BASE
        + "\n\nasync def wait():\n    pass\n\n\ndef two(y):\n    return y\n"
    )
    found = all_functions("box.py", BASE, patched)
    assert [(one.key, one.base_line, one.patched_line) for one in found] == [
        (("Box.size", 1), 8, 9),
        (("Box.size", 2), 13, 14),
        (("walk", 1), 18, 19),
        (("one", 1), 23, 24),
        (("two", 1), 0, 31),
    ]


def test_a_witness_stands_next_to_the_function() -> None:
    """Within other decorators, so that what they make of the function is left alone."""
    tree = ast.parse(with_call_observers(BASE, all_functions("box.py", BASE, BASE)))
    box = tree.body[2]
    assert isinstance(box, ast.ClassDef)
    setter = box.body[2]
    assert isinstance(setter, ast.FunctionDef)
    outer, inner = map(ast.unparse, setter.decorator_list)
    assert outer == "size.setter"
    assert inner == (
        "_repair_replayed({'path': 'box.py', 'name': 'size', 'lines': [13, 13], "
        "'changed': True}, __name__)"
    )
