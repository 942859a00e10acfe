"""Loaded by a copy of a test that must fail: watches what the code under test does to it.

The copy (see `agent.validation.must_fail.copy`) has every comparison go through
`MustFailAudit.compare` or `MustFailAudit.called`, and every test function decorated with
`MustFailAudit.test`, which ends it with a failure that names what was found. Python 3.8+,
standard library only. Taken at import, before any code of the project that the test itself
imports: the builtins, so that replacing one cannot blind this.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import re
import sys
import types
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

from .likeness import (
    _LAX,
    _OPERATORS,
    _PLAIN,
    _agrees_with_everything,
    _alike,
    _answers,
    _getattr,
    _holds_all,
    _holds_none,
    _isinstance,
    _leaves,
    _len,
    _loaded,
    _miscounts,
    _name,
    _same_as_all,
    _type,
    _unequal,
)
from .near_copies import _Unrelated, rebuilt
from .process_state import OutsideModules

_BUILTINS = dict(vars(builtins))
_TOOLS = ("_pytest", "pytest", "pluggy", "unittest")
_BY_TESTS = ("random.", "warnings.", "gc.", "sys.excepthook", "sys.unraisablehook", "time.")
"""Settings that any test may change on its way."""
_MAX_STATE_CHECKS = 20
"""How often all that lies outside is looked at: it takes some hundredths of a second."""
_MAX_PROBED_OBJECTS = 40
"""Objects of one test whose near copies are made: each may be compared some twenty times."""
_CATCHES = re.compile(
    r"AssertionError|failureException|suppress\(|except\s*:|(?:except|raises\()\s*\(?(?:Base)?Exception"
    r"|assertRaises\w*\(\s*(?:Base)?Exception"
)
"""A test file that itself takes failed assertions as something to go on from."""


class MustFailAudit:
    """Checks the comparisons and side effects of one must-fail copy of a test file."""

    def __init__(
        self, token: str, text: str, workspace: str, patched: Dict[str, str], rebound: List[str]
    ) -> None:
        self._token = token
        self._text = text
        """Source of the test file: a matcher that it names itself is no cheat."""
        self._changed = patched
        """Absolute paths of the files that the patch changes → what they were before."""
        self._before: Dict[str, Dict[str, Any]] = {}
        self._rebound = frozenset(rebound)
        """Globals that the test file itself binds again."""
        self._problems: List[str] = []
        self._doubts: List[str] = []
        """What may be right and may be wrong: it is shown, and refuses nothing."""
        self._fallen: Set[int] = set()
        """Assertions of the test file that failed, and have not held since."""
        self._reached = 0
        """A bit for each assertion that was come to."""
        self._on_import: List[str] = []
        self._outside = OutsideModules(workspace)
        self._looks = 0
        self._probes = 0
        self._globals: Dict[str, Any] = {}
        self._snapshot: Dict[str, Any] = {}

    def imported(self) -> None:
        """The test file has been imported, and all that it imports."""
        for name in self._outside.changed_settings():
            self._on_import.append("`{}` was changed for everybody".format(name))
        self._check_outside(importing=True)
        for module, name, value in self._outside.newer():
            if self._from_patch(value):
                self._note("`{}.{}` was replaced for everybody".format(module, name))
        self._on_import += self._problems
        self._problems = []

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
            operand = left if is_left else right
            if _type(operand) is not _type(value) or repr(operand) != repr(value):
                self._note("a constant of the test was changed while it ran")
        return _OPERATORS[sign](left, right)

    def length(self, value: Any) -> Any:
        """`len(value)`, which must be the number of what it holds, where the base's is."""
        length = _len(value)
        if self._patch_owns(_type(value)) and _miscounts(value, length):
            base_value = self._as_before(value)
            if not (
                base_value and _answers(lambda: _miscounts(base_value[0], _len(base_value[0])))
            ):
                self._note("an object of type `{}` has a length of its own".format(_name(value)))
        return length

    def all(self, values: Any) -> bool:
        """`all(values)`, which holds of nothing, too."""
        return all(self._some(values, "all"))

    def any(self, values: Any) -> bool:
        """`any(values)`, which fails for nothing, too."""
        return any(self._some(values, "any"))

    def _some(self, values: Any, name: str) -> Iterator[Any]:
        empty = True
        for value in values:
            empty = False
            yield value
        if empty:
            self._doubt("`{}()` is asked of nothing".format(name))

    def called(self, number: int, function: Any, *args: Any, **kwargs: Any) -> Any:
        """`assertEqual(a, b)` and the like, after a look at both."""
        self._reached |= 1 << number
        if _len(args) > 1:
            self._look("==", args[0], args[1])
        try:
            result = function(*args, **kwargs)
        except AssertionError:
            self._fallen.add(number)
            raise
        self._fallen.discard(number)
        if _getattr(function, "__name__", "") == "assertEqual" and _len(args) > 1:
            is_testcase_method = _getattr(function, "__qualname__", "") == "TestCase.assertEqual"
            if (is_testcase_method or self._from_patch(function)) and _unequal(args[0], args[1]):
                self._note("`assertEqual` takes for equal what is not")
        return result

    def fell(self, number: int) -> str:
        """The assertion of this number fails: evaluated for its message."""
        self._reached |= 1 << number
        self._fallen.add(number)
        return ""

    def held(self, number: int) -> None:
        """The assertion of this number held; it may have failed before, and been tried again."""
        self._reached |= 1 << number
        self._fallen.discard(number)

    def _enter(self, namespace: Dict[str, Any]) -> None:
        self._problems, self._doubts = [], []
        self._fallen, self._reached = set(), 0
        self._probes = 0
        self._outside.changed_settings()
        self._globals = namespace
        self._snapshot = dict(namespace)

    def _leave(self, error: Any) -> None:
        self._check_globals()
        self._check_tools()
        self._check_outside()
        self._check_settings()
        if error is None and self._fallen and not _CATCHES.search(self._text):
            self._note("an assertion failed and did not end the test")
        self._problems += [problem for problem in self._on_import if problem not in self._problems]
        mask = sum(1 << number for number in self._fallen)
        sentences = [*self._problems[:12], *("? " + problem for problem in self._doubts[:12])]
        marks = ["fell {:x}".format(mask), "reached {:x}".format(self._reached)]
        raise AssertionError("{}[{}]".format(self._token, "; ".join(sentences + marks))) from error

    def _note(self, problem: str) -> None:
        if problem not in self._problems:
            self._problems.append(problem)

    def _doubt(self, doubt: str) -> None:
        if doubt not in self._doubts:
            self._doubts.append(doubt)

    def _check_globals(self) -> None:
        for name, value in self._snapshot.items():
            if self._globals.get(name) is not value and name not in self._rebound:
                self._note("the test's global `{}` was changed while it ran".format(name))
        for name, value in _BUILTINS.items():
            if name != "_" and vars(builtins).get(name) is not value:
                self._note("the builtin `{}` was replaced".format(name))

    def _check_settings(self) -> None:
        """Settings changed by the code under test, where neither base nor test names them."""
        texts = [self._text, *self._changed.values()]
        for name in self._outside.changed_settings():
            setting = re.findall(r"\w+", name)[-1]
            if name.startswith(_BY_TESTS) or any(
                setting in text or "caplog" in text for text in texts
            ):
                continue
            self._note("`{}` was changed for everybody".format(name))

    def _check_outside(self, importing: bool = False) -> None:
        """Parts of other modules, replaced for everybody. What the test replaces is its own."""
        self._looks += 1
        if self._looks > _MAX_STATE_CHECKS:
            return
        for module, name, value in self._outside.replaced():
            attribute = name.rpartition(".")[2]
            by_test = (
                r"patch|setattr|\b{0}\s*=(?!=)".format(attribute)
                if attribute in self._text
                else "$^"
            )
            if importing or self._from_patch(value) or not re.search(by_test, self._text):
                if "mock" not in _type(value).__module__:
                    self._note("`{}.{}` was replaced for everybody".format(module, name))
        self._outside.settle()

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
            if _type(right) not in _PLAIN and _answers(lambda: _Unrelated() in right):
                self._accuse(right, "contains whatever is asked")
            self._compare_lax(sign, right, left, _holds_all if sign == "in" else _holds_none)
            right = None
        if sign == "==":
            for left_leaf, counterpart in zip(_leaves(left), _leaves(right)):  # noqa: B905 - Python 3.8
                self._compare_as_before(left_leaf, counterpart)
        for value, counterpart in ((left, right), (right, left)):
            for leaf in _leaves(value):
                operand = counterpart if leaf is value else None
                if _agrees_with_everything(leaf, sign, operand):
                    self._accuse(leaf, "compares as wished with anything")
                self._compare_lax(sign, leaf, operand, _LAX.get(sign, _same_as_all))

    def _compare_lax(
        self, sign: str, value: Any, counterpart: Any, lax: Callable[..., bool]
    ) -> None:
        """An object of the project that takes its like for itself, which the base's did not."""
        if _type(value) in _PLAIN or not self._patch_owns(_type(value)):
            return
        self._probes += 1
        if self._probes > _MAX_PROBED_OBJECTS or not _answers(
            lambda: lax(value, counterpart, sign)
        ):
            return
        base_value = self._as_before(value)
        if base_value:
            same_type = _type(counterpart) is _type(value)
            base_counterpart = (
                rebuilt(counterpart, _type(base_value[0]), {}) if same_type else counterpart
            )
            if _answers(lambda: lax(base_value[0], base_counterpart, sign)):
                return
        name = _name(value)
        self._note("an object of type `{}` is not told from others of its type".format(name))

    def _compare_as_before(self, one: Any, other: Any) -> None:
        """Doubt two values that differ for the base and not for the patch: it may be the fault
        that is mended, and it may be the test that is."""
        is_own = [
            _type(value) not in _PLAIN and self._patch_owns(_type(value)) for value in (one, other)
        ]
        if not any(is_own):
            return
        self._probes += 1
        base_values = [
            self._as_before(value) if own else [value]
            for value, own in zip((one, other), is_own)  # noqa: B905 - Python 3.8
        ]
        if (
            self._probes > _MAX_PROBED_OBJECTS
            or not all(base_values)
            or _answers(lambda: _alike(one, other))
        ):
            return
        if _answers(lambda: one == other and not base_values[0][0] == base_values[1][0]):
            name = _name(one if is_own[0] else other)
            sentence = "the base tells two objects of type `{}` apart"
            if not all(is_own):
                sentence = "the base tells an object of type `{}` from what it is compared with"
            self._doubt(sentence.format(name))

    def _as_before(self, value: Any) -> List[Any]:
        """The value as an object of the base's own class; empty where that has none."""
        kind = _type(value)
        path = _getattr(sys.modules.get(kind.__module__), "__file__", None)
        if path not in self._changed:
            return []
        if path not in self._before:
            self._before[path] = _loaded(sys.modules[kind.__module__], self._changed[path])
        base_kind: Any = self._before[path]
        for part in kind.__qualname__.split("."):
            base_kind = (
                base_kind.get(part) if _isinstance(base_kind, dict) else vars(base_kind).get(part)
            )
            if not _isinstance(base_kind, _type):
                return []
        try:
            return [rebuilt(value, base_kind, {})]
        except Exception:  # made of other parts than today
            return []

    def _accuse(self, value: Any, fault: str) -> None:
        """A matcher that the test itself names is no cheat, unless the patch could make it."""
        name = _type(value).__name__.strip("_")
        mention = re.search(r"\b{}\b".format(re.escape(name)), self._text)
        if not mention or self._patch_owns(_type(value)):
            self._note("an object of type `{}` {}".format(name, fault))

    def _patch_owns(self, kind: Any) -> bool:
        for ancestor in kind.__mro__:
            module = sys.modules.get(ancestor.__module__)
            if _getattr(module, "__file__", None) in self._changed:
                return True
            if any(self._from_patch(member) for member in vars(ancestor).values()):
                return True
        return False


def _functions(module: Any) -> Iterator[Tuple[str, Any]]:
    for name, value in list(vars(module).items()):
        if _isinstance(value, types.FunctionType):
            yield name, value
        elif _isinstance(value, type):
            for attribute, member in list(vars(value).items()):
                member = _getattr(member, "__func__", _getattr(member, "fget", member))
                if _isinstance(member, types.FunctionType):
                    yield "{}.{}".format(name, attribute), member
