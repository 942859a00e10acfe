"""Names of new files of tests."""

from __future__ import annotations

import pytest

from sandbox.languages.javascript.canary import is_module_file, name_like


@pytest.mark.parametrize(
    ("name", "fresh"),
    [
        ("total.test.ts", "new.test.ts"),
        ("test-total.js", "test-new.js"),
        ("total_test.cjs", "new_test.cjs"),
        ("total-spec.mjs", "new-spec.mjs"),
        ("total.js", "new.js"),
        ("total", "new.js"),
    ],
)
def test_a_new_name_has_the_marks_of_a_test(name: str, fresh: str) -> None:
    assert name_like(name, "new") == fresh


def test_what_is_a_module() -> None:
    assert is_module_file("a.test.js", b"import x from 'x';")
    assert is_module_file("a.mjs", b"")
    assert not is_module_file("a.cjs", b"import x from 'x';")
    assert not is_module_file("a.js", b"const x = await import('x');")
