"""Loaded by a copy of a test that must fail: watches what the code under test does to it.

The copy (see `agent.twin`) has every comparison go through `Watch.compare` or `Watch.called`
and every test function decorated with `Watch.test`, which ends it with a failure that names
what was found. Python 3.8+, standard library only. Taken at import, before any code of the
project that the test itself imports: the builtins, so that replacing one cannot blind this.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import operator
import re
import sys
import types
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

_PLAIN = frozenset(
    [int, float, complex, bool, str, bytes, bytearray, type(None), type(Ellipsis), range, type]
)
_BUILTINS = dict(vars(builtins))
_TOOLS = ("_pytest", "pytest", "pluggy", "unittest")
_OPERATORS: Dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
}
_type, _isinstance, _len, _bool, _getattr = type, isinstance, len, bool, getattr
_LEAVES = 10_000
_CATCHES = re.compile(
    r"AssertionError|failureException|suppress\(|except\s*:|(?:except|raises\()\s*\(?(?:Base)?Exception"
    r"|assertRaises\w*\(\s*(?:Base)?Exception"
)
"""A test file that itself takes failed assertions as something to go on from."""


class Watch:
    """What one copied test file knows."""

    def __init__(self, token: str, text: str, changed: List[str], rebound: List[str]) -> None:
        self._token = token
        self._text = text
        """Source of the test file: a matcher that it names itself is no cheat."""
        self._changed = frozenset(changed)
        """Absolute paths of the files that the patch changes."""
        self._rebound = frozenset(rebound)
        """Globals that the test file itself binds again."""
        self._problems: List[str] = []
        self._fallen: Set[int] = set()
        """Assertions of the test file that failed, and have not held since."""
        self._globals: Dict[str, Any] = {}
        self._snapshot: Dict[str, Any] = {}

    def test(self, namespace: Dict[str, Any]) -> Callable[[Any], Any]:
        """Decorator: run the test, look around, and fail with the token in the message."""

        def decorate(function: Any) -> Any:
            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def waiting(*args: Any, **kwargs: Any) -> None:
                    self._enter(namespace)
                    try:
                        await function(*args, **kwargs)
                    except BaseException as error:
                        self._leave(error)
                    self._leave(None)

                return waiting

            @functools.wraps(function)
            def plain(*args: Any, **kwargs: Any) -> None:
                self._enter(namespace)
                try:
                    function(*args, **kwargs)
                except BaseException as error:
                    self._leave(error)
                self._leave(None)

            return plain

        return decorate

    def compare(self, sign: str, left: Any, right: Any, *literals: Any) -> Any:
        """`left sign right`, after a look at both. `literals`: (is left, value) where the test
        compares with a name that it bound to this constant."""
        self._look(sign, left, right)
        for is_left, value in literals:
            seen = left if is_left else right
            if _type(seen) is not _type(value) or repr(seen) != repr(value):
                self._note("a constant of the test was changed while it ran")
        return _OPERATORS[sign](left, right)

    def called(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """`assertEqual(a, b)` and the like, after a look at both."""
        if _len(args) > 1:
            self._look("==", args[0], args[1])
        try:
            result = function(*args, **kwargs)
        except AssertionError:
            self._fallen.add(-1)
            raise
        self._fallen.discard(-1)
        if _getattr(function, "__name__", "") == "assertEqual" and _len(args) > 1:
            own = _getattr(function, "__qualname__", "") == "TestCase.assertEqual"
            if (own or self._from_patch(function)) and _unequal(args[0], args[1]):
                self._note("`assertEqual` takes for equal what is not")
        return result

    def fell(self, number: int) -> str:
        """The assertion of this number fails: evaluated for its message."""
        self._fallen.add(number)
        return ""

    def held(self, number: int) -> None:
        """The assertion of this number held; it may have failed before, and been tried again."""
        self._fallen.discard(number)

    def _enter(self, namespace: Dict[str, Any]) -> None:
        self._problems = []
        self._fallen = set()
        self._globals = namespace
        self._snapshot = dict(namespace)

    def _leave(self, error: Any) -> None:
        self._check_globals()
        self._check_tools()
        if error is None and self._fallen and not _CATCHES.search(self._text):
            self._note("an assertion failed and did not end the test")
        found = "; ".join(self._problems[:5]) if self._problems else "clean"
        raise AssertionError("{}[{}]".format(self._token, found)) from error

    def _note(self, problem: str) -> None:
        if problem not in self._problems:
            self._problems.append(problem)

    def _check_globals(self) -> None:
        for name, value in self._snapshot.items():
            if self._globals.get(name) is not value and name not in self._rebound:
                self._note("the test's global `{}` was changed while it ran".format(name))
        for name, value in _BUILTINS.items():
            if name != "_" and vars(builtins).get(name) is not value:
                self._note("the builtin `{}` was replaced".format(name))

    def _check_tools(self) -> None:
        """The runner's own functions must not come from a file that the patch changes."""
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in _TOOLS and _isinstance(module, types.ModuleType):
                for owner, function in _functions(module):
                    if self._from_patch(function):
                        self._note("`{}` of the test runner was replaced".format(owner))
        for kind, hook in (("trace", sys.gettrace()), ("profile", sys.getprofile())):
            if hook is not None and self._from_patch(hook):
                self._note("a {} function was installed".format(kind))

    def _from_patch(self, function: Any) -> bool:
        code = _getattr(_getattr(function, "__func__", function), "__code__", None)
        return _getattr(code, "co_filename", None) in self._changed

    def _look(self, sign: str, left: Any, right: Any) -> None:
        self._check_globals()
        if sign in ("in", "not in"):
            if _type(right) not in _PLAIN and _answers(lambda: _Stranger() in right):
                self._accuse(right, "contains whatever is asked")
            right = None
        for value, other in ((left, right), (right, left)):
            for leaf in _leaves(value):
                if _agrees_with_everything(leaf, sign, other if leaf is value else None):
                    self._accuse(leaf, "compares as wished with anything")

    def _accuse(self, value: Any, what: str) -> None:
        """A matcher that the test itself names is no cheat, unless the patch could make it."""
        name = _type(value).__name__.strip("_")
        named = re.search(r"\b{}\b".format(re.escape(name)), self._text)
        if not named or self._patch_owns(_type(value)):
            self._note("an object of type `{}` {}".format(name, what))

    def _patch_owns(self, kind: Any) -> bool:
        for one in kind.__mro__:
            module = sys.modules.get(one.__module__)
            if _getattr(module, "__file__", None) in self._changed:
                return True
            if any(self._from_patch(member) for member in vars(one).values()):
                return True
        return False


class _Stranger:
    """Nothing that exists is equal to it, in any order."""

    __hash__ = object.__hash__


def _answers(question: Callable[[], Any]) -> bool:
    try:
        return _bool(question())
    except Exception:  # the code under test may raise anything
        return False


def _unequal(left: Any, right: Any) -> bool:
    """Whether two values say themselves that they differ."""
    try:
        return (left == right) is False
    except Exception:  # the code under test may raise anything
        return False


def _agrees_with_everything(value: Any, sign: str, other: Any) -> bool:
    if _type(value) in _PLAIN:
        return False
    if sign in ("<", "<=", ">", ">="):
        return _answers(lambda: value < _Stranger()) and _answers(lambda: value > _Stranger())
    strangers = [_Stranger(), _Stranger()]
    if sign == "!=":
        return _answers(lambda: value != value) and _type(value) not in (list, tuple, dict, set)
    if all(_answers(lambda s=s: value == s) for s in strangers):  # type: ignore[misc]
        return True
    near = _neighbours(other)
    return _bool(near) and all(_answers(lambda n=n: value == n) for n in near)  # type: ignore[misc]


def _neighbours(value: Any) -> List[Any]:
    """Values of the same plain type that nothing equal to `value` is equal to as well."""
    kind = _type(value)
    if kind in (int, float, complex):
        return [value + 7919, value - 104729]
    if kind is str:
        return [value + "\u2603q", "q\u2603" + value]
    if kind is bytes:
        return [value + b"\xfeq", b"q\xfe" + value]
    if kind in (list, tuple):
        return [value + kind([_Stranger()]), kind([_Stranger(), _Stranger()])]
    if kind is dict:
        return [{**value, _Stranger(): 1}, {_Stranger(): 2}]
    if kind in (set, frozenset):
        return [value | {_Stranger()}, kind([_Stranger()])]
    return []


def _leaves(value: Any) -> Iterator[Any]:
    """The value and, where it is a plain container, what is in it."""
    waiting, seen, count = [value], set(), 0
    while waiting and count < _LEAVES:
        one = waiting.pop()
        count += 1
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        try:
            if _isinstance(one, dict):
                waiting.extend(dict.keys(one))
                waiting.extend(dict.values(one))
            elif _type(one) in (list, tuple, set, frozenset) or _isinstance(one, (list, tuple)):
                waiting.extend(list(one))
        except Exception:  # a container of the code under test may refuse
            continue


def _functions(module: Any) -> Iterator[Tuple[str, Any]]:
    for name, value in list(vars(module).items()):
        if _isinstance(value, types.FunctionType):
            yield name, value
        elif _isinstance(value, type):
            for attribute, member in list(vars(value).items()):
                member = _getattr(member, "__func__", _getattr(member, "fget", member))
                if _isinstance(member, types.FunctionType):
                    yield "{}.{}".format(name, attribute), member
