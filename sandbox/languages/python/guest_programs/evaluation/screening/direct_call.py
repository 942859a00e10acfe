"""Calls a simple test without pytest's protocol around it: a quick screen for candidates.

A candidate that fails here has failed; one that passes is run again in a fresh child under the
whole protocol. Used for a test only when the base fails in the same way both ways.
Python 3.8+ with pytest.
"""

from __future__ import annotations

import unittest
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

RUN_HOOKS = (
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_makereport",
    "pytest_pyfunc_call",
    "pytest_fixture_setup",
)
UNSUPPORTED_MARKS = ("skip", "skipif", "xfail", "usefixtures", "filterwarnings")


class Unclear(Exception):
    """The test ended in a way that only the whole protocol can judge."""


class DirectCall(NamedTuple):
    """A test that runs without pytest."""

    run: Callable[[], Optional[BaseException]]
    """Returns its failure, None where it passes. Raises Unclear."""
    held: Tuple[Any, ...]
    """What it is called on and with: the same objects each time."""


def direct_call(item: Any) -> Optional[DirectCall]:
    """How to run the test without pytest; None where it needs pytest."""
    import _pytest.python
    import _pytest.unittest

    if any(mark.name in UNSUPPORTED_MARKS for mark in item.iter_markers()) or _has_own_hooks(item):
        return None
    if type(item) is _pytest.unittest.TestCaseFunction:
        return _case_call(item)
    if type(item) is _pytest.python.Function:
        values = _parameters(item)
        return None if values is None else _function_call(item, values)
    return None


def _has_own_hooks(item: Any) -> bool:
    """Whether anything but pytest itself and this program takes part in running the item."""
    for name in RUN_HOOKS:
        for hook in getattr(item.ihook, name).get_hookimpls():
            module = getattr(hook.function, "__module__", "") or ""
            if module.partition(".")[0] not in ("_pytest", "_repair_guest"):
                return True
    return False


def _parameters(item: Any) -> Optional[Dict[str, Any]]:
    """Arguments of a test whose only ones are its direct parameters."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return None if item.fixturenames else {}
    values = dict(getattr(callspec, "funcargs", {}), **callspec.params)
    for name in item.fixturenames:
        if name not in values:
            return None
        for definition in item._fixtureinfo.name2fixturedefs.get(name, ()):
            if definition.func.__name__ != "get_direct_param_fixture_func":
                return None
    return values


def _function_call(item: Any, values: Dict[str, Any]) -> Optional[DirectCall]:
    import inspect

    function = item.function
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        return None

    def call() -> Optional[BaseException]:
        try:
            item.obj(**values)
        except BaseException as error:
            return _judged(error)
        return None

    return DirectCall(call, (item.obj, values))


def _judged(error: BaseException) -> BaseException:
    from _pytest.outcomes import OutcomeException, fail

    special = isinstance(error, (OutcomeException, unittest.SkipTest))
    if special and not isinstance(error, fail.Exception):
        raise Unclear from error
    if isinstance(error, KeyboardInterrupt):
        raise error
    return error


class _First(unittest.TestResult):
    """Keeps the first failure as an exception, and formats nothing."""

    error: Optional[BaseException] = None
    unclear = False

    def _keep(self, info: Any) -> None:
        if self.error is None:
            self.error = info[1]

    def addError(self, test: Any, err: Any) -> None:
        self._keep(err)

    def addFailure(self, test: Any, err: Any) -> None:
        self._keep(err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._keep(err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.unclear = True

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.unclear = True

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.unclear = True


def _is_of_unittest(fixture: str) -> bool:
    """Whether pytest itself gives this fixture to every test of a `TestCase`: "request" is what the
    one for `setUpClass` asks for."""
    return fixture == "request" or fixture.startswith("_unittest_setUpClass_fixture")


def _case_call(item: Any) -> Optional[DirectCall]:
    kind = item.parent.obj
    if any(not _is_of_unittest(name) for name in item.fixturenames):
        return None
    if type(kind) is not type or not issubclass(kind, unittest.TestCase):
        return None
    if isinstance(kind, type) and issubclass(kind, unittest.IsolatedAsyncioTestCase):
        return None

    def call() -> Optional[BaseException]:
        result = _First()
        try:
            kind.setUpClass()
            kind(item.name).run(result)
        except BaseException as error:
            return _judged(error)
        if result.unclear:
            raise Unclear
        return result.error if result.error is None else _judged(result.error)

    return DirectCall(call, (kind,))
