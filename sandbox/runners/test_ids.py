"""Test ids: pytest's `a/test_b.py::Case::test_c[1]`, and unittest's dotted `a.test_b.Case.test_c`.

Both may stand for more than one test: an id that ends at a file, module or class is a container.
https://docs.pytest.org/en/stable/how-to/usage.html#specifying-which-tests-to-run
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence

_SEPARATORS = ("::", "[", "/", ".")
"""What stands between a container, or a test with parameters, and what lies in it."""


def locate(test_id: str, paths: Collection[str]) -> tuple[str | None, tuple[str, ...]]:
    """The file among `paths` that a test lies in, and its names within the file, parameters left
    out. No file where none fits, or where several fit a dotted id equally well."""
    path, _, names = test_id.partition("::")
    if path in paths:
        return path, tuple(names.partition("[")[0].split("::")) if names else ()
    parts = test_id.partition(" ")[0].split(".")
    for count in range(len(parts), 0, -1):
        module = "/".join(parts[:count]) + ".py"
        if module in paths:
            return module, tuple(parts[count:])
        # A dotted id counts from the folder where discovery started, not from the top.
        matches = [path for path in paths if path.endswith(f"/{module}")]
        if matches:
            return (matches[0], tuple(parts[count:])) if len(matches) == 1 else (None, ())
    return None, ()


def file_of(test_id: str, paths: Collection[str]) -> str | None:
    """The file among `paths` that a test lies in, see `locate`."""
    return locate(test_id, paths)[0]


def named_file(test_id: str) -> str:
    """The file that an id in pytest's spelling begins with; a dotted id as it is."""
    return test_id.partition("::")[0]


def name_in_file(test_id: str, path: str) -> str:
    """`Case.test_c` of a test that lies in the file `path`, parameters left out."""
    if "::" in test_id:
        return test_id.partition("::")[2].partition("[")[0].replace("::", ".")
    return ".".join(locate(test_id, [path])[1]).partition("[")[0]


def id_in_file(path: str, case: str, name: str, *, like: str, like_file: str) -> str:
    """The id of a test in the new file `path`, spelled as that of the test `like`, which lies in
    `like_file` in the same folder. `case` is its class; empty for a function of a module."""
    names = [part for part in (case, name) if part or part is name]
    if "::" in like or like == like_file:
        return "::".join((path, *names))
    stem = posixpath.basename(like_file).removesuffix(".py")
    package = like.split(f"{stem}.")[0]
    return ".".join((f"{package}{posixpath.basename(path).removesuffix('.py')}", *names))


def contains(container: str, test_id: str) -> bool:
    """Whether a test lies in a file, module or class."""
    return test_id.startswith((f"{container}::", f"{container}."))


def is_selected(test_id: str, selectors: Sequence[str]) -> bool:
    """Whether one of the selectors names the test, a container of it, or, where the id is that of
    a file which cannot be collected, a test in it. Only whole parts of an id count:
    `a.py::test_x` does not select `a.py::test_x_long`."""
    return any(
        test_id == selector
        or test_id.startswith(tuple(selector + separator for separator in _SEPARATORS))
        or selector.startswith(f"{test_id}::")
        or _selects_dotted(selector, test_id)
        for selector in selectors
    )


def _selects_dotted(selector: str, test_id: str) -> bool:
    if "::" in test_id or "/" in test_id:
        return False
    names = dotted_names(selector)
    return any(test_id == name or test_id.startswith(f"{name}.") for name in names)


def dotted_names(selector: str) -> tuple[str, ...]:
    """What a selector in pytest's spelling may be called in unittest's, which counts from the
    folder where discovery started; nothing for one that names no Python file."""
    path, _, names = selector.partition("::")
    if not path.endswith(".py"):
        return ()
    *folders, stem = path.removesuffix(".py").split("/")
    inner = [stem, *(names.split("::") if names else ())]
    return tuple(".".join([*folders[start:], *inner]) for start in range(len(folders) + 1))


def is_doctest(test_id: str) -> bool:
    """Whether pytest's id is that of examples in a docstring or a text: `a/b.py::a.b.f`."""
    path, _, name = test_id.partition("::")
    if not path.endswith(".py"):
        return name == posixpath.basename(path)
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    modules = (".".join(parts[start:]) for start in range(len(parts)))
    return any(name == module or name.startswith(f"{module}.") for module in modules)
