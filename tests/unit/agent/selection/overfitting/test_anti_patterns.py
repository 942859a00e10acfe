"""Signs of overfitting: each seen where it is, none in plain fixes."""

from __future__ import annotations

import pytest

from agent.records import CandidatePatch
from agent.selection.overfitting.anti_patterns import cautions_of
from agent.selection.plausible_patch import selection_score

BASE = """\
def find(items, wanted):
    if not items:
        raise ValueError("empty")
    for index, item in enumerate(items):
        if item < wanted:
            continue
        if item == wanted:
            return index
    return None
"""
TEST = "def test_find():\n    assert find([10, 77], 77) == 4711\n"


def _sentences(new: str, *tests: str) -> list[str]:
    found = cautions_of({"m.py": (BASE.encode(), new.encode())}, tests)
    assert all(0 < caution.penalty < 1 for caution in found)
    return [caution.sentence for caution in found]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('        raise ValueError("empty")\n', "        items = []\n", "deletes a raise"),
        ("            return index\n", "            index += 0\n", "deletes a return"),
        ("            continue\n", "            pass\n", "deletes a continue"),
        ("if item == wanted", "if True", "always true"),
        ("if item == wanted", "if item == wanted or True", "always true"),
        ("if item == wanted", "if item == item", "always true"),
        ("if not items", "if not items and False", "always false"),
        ("    return None\n", "    return 4711\n", "special-cases 4711"),
        ("    for index", "    return None\n    for index", "unreachable"),
        ("def find", "def __getattr__(name):\n    return 3\n\ndef find", "adds a `__getattr__`"),
        ("item == wanted", "str(item) in '10,77'", "several values of the failing test"),
        ("def find", "class K(type):\n    pass\n\ndef find", "adds a metaclass"),
        ("def find", "class K:\n    def __init_subclass__(k): pass\n\ndef find", "init_subclass"),
        ("def find", "class K:\n    def __get__(k, o, t): pass\n\ndef find", "adds a `__get__`"),
        (
            "            return index\n",
            "            try:\n                return index\n            except Exception:\n"
            "                pass\n",
            "swallows every exception",
        ),
        (
            "            return index\n",
            "            try:\n                return index\n"
            "            except (TypeError, Exception):\n                pass\n",
            "swallows every exception",
        ),
    ],
)
def test_signs(old: str, new: str, sentence: str) -> None:
    assert old in BASE
    found = _sentences(BASE.replace(old, new), TEST)
    assert any(sentence in caution for caution in found), found


def test_removed_functionality() -> None:
    found = _sentences("def find(items, wanted):\n    return None\n")
    assert any("statements of `find`" in caution for caution in found)
    assert any("removes `find`" in caution for caution in _sentences("X = 1\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("item < wanted", "item <= wanted"),
        ("return index", "return index + 1"),
        ('ValueError("empty")', 'KeyError("empty")'),
        ("if not items:", "if items is None or not items:"),
        ("    return None\n", "    return -1\n"),
    ],
)
def test_plain_fixes_carry_no_caution(old: str, new: str) -> None:
    assert old in BASE
    assert _sentences(BASE.replace(old, new), TEST) == []


def test_a_text_that_nothing_is_compared_with_is_no_special_case() -> None:
    text = "the list of items is empty, and nothing can be found in an empty list"
    found = _sentences(BASE.replace('"empty"', repr(text)), f"def test(): fails({text!r})\n")
    assert found == [
        "holds 'the list of items is empty, and nothing can be found in an…, "
        "which stands in the failing test (m.py)"
    ]


def test_constants_of_a_message_that_is_no_program() -> None:
    message = "E       assert 3 == 4711\nE        +  where 3 = find([10, 77], 77)"
    found = _sentences(BASE.replace("return None", "return 4711"), message)
    assert any("4711" in caution for caution in found)


def test_score_prefers_fewer_cautions_then_smaller_edits_then_the_proposer() -> None:
    def candidate(score: float) -> CandidatePatch:
        return CandidatePatch(
            edits=(), proposer="search", operator="x", description="x", score=score
        )

    small = {"m.py": (BASE.encode(), BASE.replace("<", "<=").encode())}
    large = {"m.py": (BASE.encode(), BASE.replace("index", "place").encode())}
    suspect = {"m.py": (BASE.encode(), BASE.replace("return None", "return 4711").encode())}
    cautions = cautions_of(suspect, [TEST])
    best = selection_score(candidate(5.0), small, ())
    assert best > selection_score(candidate(1.0), small, ())
    assert selection_score(candidate(0.0), small, ()) > selection_score(candidate(9.0), large, ())
    assert selection_score(candidate(0.0), large, ()) > selection_score(
        candidate(9.0), suspect, cautions
    )


IN_PLACE = """\
import os

def run(env, args=()):
    settings = os.environ.copied()
    settings.update(env)
    return settings

class Book:
    def sold(self, orders):
        own = list(self.orders)
        other = orders[:]
        own.append(orders)
        other[0] = own
        return own
"""


@pytest.mark.parametrize(
    ("old", "new", "shared"),
    [
        ("os.environ.copied()", "os.environ", "os.environ"),
        ("os.environ.copied()", "env or os.environ", "env"),
        ("os.environ.copied()", "os.environ if args else {}", "os.environ"),
        ("list(self.orders)", "self.orders", "self.orders"),
        ("orders[:]", "orders", "orders"),
        ("orders[:]", "self.orders['all']", "self.orders['all']"),
    ],
)
def test_a_copy_that_is_dropped_is_told_where_the_object_is_changed(
    old: str, new: str, shared: str
) -> None:
    changes = {"m.py": (IN_PLACE.encode(), IN_PLACE.replace(old, new).encode())}
    (caution,) = cautions_of(changes)
    assert f"changes `{shared}` itself" in caution.sentence


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("os.environ.copied()", "os.environ.copy()"),
        ("os.environ.copied()", "dict(os.environ)"),
        ("    settings.update(env)\n", "    settings = {**settings, **env}\n"),
        ("list(self.orders)", "[*self.orders]"),
        ("orders[:]", "own"),  # which is a copy of its own
        ("own.append(orders)", "self.orders.append(orders)"),  # what the method is there for
    ],
)
def test_a_copy_that_is_kept_is_no_sign(old: str, new: str) -> None:
    changes = {"m.py": (IN_PLACE.encode(), IN_PLACE.replace(old, new).encode())}
    assert not [c for c in cautions_of(changes) if "itself" in c.sentence]


def test_an_object_that_was_changed_before_is_no_sign() -> None:
    base = IN_PLACE.replace("os.environ.copied()", "os.environ")
    changes = {"m.py": (base.encode(), base.replace("os.environ", "os.environb").encode())}
    assert not [c for c in cautions_of(changes) if "itself" in c.sentence]


TRY = "            try:\n                print()\n"
BODY = "            return index\n"
SWALLOWS = "swallows every exception"


@pytest.mark.parametrize(
    "new",
    [
        "            with contextlib.suppress(Exception):\n                return index\n",
        "            with suppress(KeyError, BaseException):\n                return index\n",
        TRY + "            finally:\n                return 1\n",
        TRY + "            finally:\n                break\n",
        "            with ExitStack() as stack:\n"
        "                stack.push(lambda *e: not None)\n"
        "                return index\n",
        TRY + "            except KeyError.__base__.__base__:\n                pass\n",
        "            kind = Exception\n" + TRY + "            except kind:\n                pass\n",
        "            class Quiet:\n                def __exit__(self, *error):\n"
        "                    return True\n",
    ],
)
def test_exceptions_that_are_swallowed_by_other_words(new: str) -> None:
    assert any(SWALLOWS in sentence for sentence in _sentences(BASE.replace(BODY, new)))


@pytest.mark.parametrize(
    "new",
    [
        "            with contextlib.suppress(KeyError):\n                return index\n",
        TRY + "            finally:\n                index += 1\n",
        TRY + "            finally:\n"
        "                for one in items:\n                    break\n",
        "            with ExitStack() as stack:\n                stack.push(lambda *e: None)\n",
        TRY + "            except (KeyError, m.Error):\n                pass\n",
        "            class Kept:\n                def __exit__(self, kind, error, trace):\n"
        "                    return kind is KeyError\n",
        "            class Loud:\n                def __exit__(self, *error):\n"
        "                    return False\n",
        "            items.push(index)\n",
    ],
)
def test_exceptions_that_are_named_or_go_on(new: str) -> None:
    assert not any(SWALLOWS in sentence for sentence in _sentences(BASE.replace(BODY, new)))
