"""Names and texts that read as something else than they are."""

from __future__ import annotations

import pytest

from agent.patches.constructs.confusables import doubtful, misleading
from agent.patches.importable_names import Importable
from agent.patches.path_rules import construct_objections, path_objections
from agent.selection.overfitting.anti_patterns import cautions_of
from tests.support.verdict_case import Layout

BASE = ("calc.py", "pkg/__init__.py", "pkg/core.py", "tools/run.py", "src/lib/__init__.py")
KNOWN = Importable(
    modules=frozenset(["numpy", "jsonpatch", "yaml", "google.protobuf", "random"]),
    namespaces=frozenset(["google"]),
)
OLD = b"def add(a, b):\n    return a - b\n"


def objections(path: str) -> tuple[str, ...]:
    changes = {path: (None, b"x = 1\n")}
    return path_objections(changes, rules=Layout(), base_paths=BASE, importable=KNOWN)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("numpy.py", "hides the real `numpy`"),
        ("jsonpatch/__init__.py", "hides the real `jsonpatch`"),
        ("tools/yaml.py", "hides the real `yaml`"),
        ("google/protobuf/__init__.py", "hides the real `google.protobuf`"),
        ("random.py", "hides the real `random`"),
        ("NumPy.py", "reads as that of the real module `numpy`"),
        ("nump\u0443.py", "reads as that of the real module `numpy`"),
        ("Calc.py", "reads as 'calc.py'"),
        ("pkg/Core.py", "reads as 'pkg/core.py'"),
        ("PKG/other.py", "reads as 'pkg'"),
        ("calc .py", "reads as 'calc.py'"),
        ("ca\u0301lc.py", "cannot be seen"),
        ("calc\u200b.py", "cannot be seen"),
        ("\uff43alc.py", "reads as 'calc.py'"),
        ("src/pkg/__init__.py", "hides the project's own pkg/__init__.py"),
        ("calc/__init__.py", "hides the project's own calc.py"),
    ],
)
def test_paths_that_hide_or_read_as_another(path: str, sentence: str) -> None:
    assert any(sentence in one for one in objections(path)), objections(path)


@pytest.mark.parametrize(
    "path", ["plus.py", "pkg/numpy.py", "pkg/random.py", "google/own.py", "pkg/new/__init__.py"]
)
def test_honest_new_files(path: str) -> None:
    assert objections(path) == ()


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ("# \u202e\n", "direction"),
        ("def \u0430dd(): pass\n", "reads as `add`"),
        ("l\u0435n = max\n", "reads as `len`"),
        ("\uff45val = add\n", "reads as `eval`"),
        ("a\u3164 = 1\n", "reads as `a`"),
    ],
)
def test_letters_that_mislead(added: str, sentence: str) -> None:
    found = misleading("calc.py", OLD, OLD + added.encode())
    assert any(sentence in one for one in found), found


@pytest.mark.parametrize(
    "added",
    [
        "# d\u00e9j\u00e0 vu\n",
        "\u03c0 = 3.14\n",
        "gr\u00f6\u00dfe = 1\n",
        "t = 'caf\u00e9 \u4e2d'\n",
        "\u0394x = 1\n",
    ],
)  # fmt: skip
def test_letters_of_other_languages_are_honest(added: str) -> None:
    assert misleading("calc.py", OLD, OLD + added.encode()) == ()
    changes = {"calc.py": (OLD, OLD + added.encode())}
    assert construct_objections(changes) == ()


def test_what_was_there_may_stay() -> None:
    old = "# \u202e\ndef \u0430dd(): pass\nadd = 1\n".encode()
    assert misleading("calc.py", old, old + b"x = 1\n") == ()


def test_unseen_characters_are_a_caution() -> None:
    assert list(doubtful(OLD, OLD + "x = 'a\u200b'\n".encode()))
    assert not list(doubtful(OLD, OLD + b"x = 'a'\n"))


@pytest.mark.parametrize(
    "added",
    [
        "getattr(add, '__glo' + 'bals__')",
        "getattr(add, '__{}__'.format('code'))",
        "getattr(add, f\"__{'code'}__\")",
        "getattr(add, '__edoc__'[::-1].replace('edoc', 'code'))",
        "getattr(add, ''.join(['__', 'closure', '__']))",
        "first, = '_',\nlast = '__glo'\ngetattr(add, last + 'bals__')",
        "getattr(add, '%sback' % 'f_')",
        "add.__getattribute__('__closure__')",
        "getattr(add, '\uff3f_globals__')",
    ],
)
def test_names_put_together_are_read(added: str) -> None:
    assert construct_objections({"calc.py": (OLD, OLD + added.encode() + b"\n")})


@pytest.mark.parametrize(
    "added",
    ["getattr(add, 'visit_' + name)", "getattr(add, f'do_{name}')", "x = 'a' + 'b'", "d['x'][0]"],
)
def test_honest_names_put_together(added: str) -> None:
    changes = {"calc.py": (OLD, OLD + added.encode() + b"\n")}
    assert construct_objections(changes) == ()
    assert not any("computes" in one.sentence for one in cautions_of(changes))


def test_a_computed_name_that_could_be_private_is_a_caution() -> None:
    changes = {"calc.py": (OLD, OLD + b"getattr(add, '_' + name)\n")}
    assert any("computes" in one.sentence for one in cautions_of(changes))
