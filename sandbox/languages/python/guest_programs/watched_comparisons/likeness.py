"""Whether an object can be told from its like, and from what it is not. Python 3.8+.

Joined to `audit.py`, which is loaded inside the sandbox as one file. The builtins are taken when it
is loaded, before any code of the project, so that replacing one cannot blind this.
"""

from __future__ import annotations

import itertools
import operator
from typing import Any, Callable, Dict, Iterator, List

from .near_copies import _built_in, _fields, _plain, _Unrelated, changed, near_copies, rebuilt

_PLAIN = frozenset(
    [int, float, complex, bool, str, bytes, bytearray, type(None), type(Ellipsis), range, type]
)
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
_MAX_LEAVES = 10_000


def _loaded(module: Any, text: str) -> Dict[str, Any]:
    """What the module would hold with another source. It is not entered anywhere."""
    names = ("__name__", "__file__", "__package__", "__path__", "__spec__", "__loader__")
    namespace = {name: vars(module)[name] for name in names if name in vars(module)}
    try:
        exec(compile(text, namespace["__file__"], "exec"), namespace)
    except Exception:  # it may not bear to be loaded twice; what it held by then counts
        pass
    return namespace


def _name(value: Any) -> str:
    return str(_type(value).__name__).strip("_")


def _copies(value: Any) -> List[Any]:
    """Nearly equal instances; empty where not even an exact copy is equal."""
    if not value == rebuilt(value, _type(value), {}):
        return []
    return near_copies(value)


def _same_as_all(value: Any, counterpart: Any, _sign: str) -> bool:
    """Whether a value equals all its near copies, or all those of what it is compared with."""
    copies = _copies(value)
    if copies and all(value == copy and not value != copy for copy in copies):
        return True
    if _type(counterpart) is _type(value) or counterpart is None:
        return False
    copies = list(changed(counterpart))
    return _bool(copies) and value == counterpart and all(value == copy for copy in copies)


def _differs_from_itself(value: Any, _counterpart: Any, _sign: str) -> bool:
    duplicate = rebuilt(value, _type(value), {})
    return _bool(value == duplicate and value != duplicate)


def _ordered_as_wished(value: Any, _counterpart: Any, sign: str) -> bool:
    """Whether a value is both less and greater than each of its near copies."""
    copies, compare = near_copies(value), _OPERATORS[sign]
    return _bool(copies) and all(compare(value, copy) and compare(copy, value) for copy in copies)


def _holds_all(value: Any, counterpart: Any, _sign: str) -> bool:
    copies = [*changed(counterpart), *_unequal_values(counterpart)]
    return _bool(copies) and all(copy in value for copy in copies)


def _holds_none(value: Any, _counterpart: Any, _sign: str) -> bool:
    """Whether it denies what it holds itself."""
    items = list(value)[:8]
    return _bool(items) and all(item not in value for item in items)


def _miscounts(value: Any, length: int) -> bool:
    if not hasattr(_type(value), "__iter__") or hasattr(_type(value), "__next__"):
        return False
    counts = [sum(1 for _ in itertools.islice(iter(value), length + 100)) for _ in range(2)]
    return counts[0] == counts[1] != length


_LAX = {"!=": _differs_from_itself, **dict.fromkeys(("<", ">", "<=", ">="), _ordered_as_wished)}


def _alike(one: Any, other: Any) -> bool:
    """Whether two objects are the same but for what they think of it."""
    if _type(one) is not _type(other) or not _fields(one) == _fields(other):
        return False
    base = _built_in(_type(one))
    return base is None or _bool(_plain(one, base) == _plain(other, base))


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


def _agrees_with_everything(value: Any, sign: str, counterpart: Any) -> bool:
    if _type(value) in _PLAIN:
        return False
    if sign in ("<", "<=", ">", ">="):
        return _answers(lambda: value < _Unrelated()) and _answers(lambda: value > _Unrelated())
    unrelated_values = [_Unrelated(), _Unrelated()]
    if sign == "!=":
        return _answers(lambda: value != value) and _type(value) not in (list, tuple, dict, set)
    if all(_answers(lambda s=s: value == s) for s in unrelated_values):  # type: ignore[misc]
        return True
    copies = _unequal_values(counterpart)
    return _bool(copies) and all(_answers(lambda n=n: value == n) for n in copies)  # type: ignore[misc]


def _unequal_values(value: Any) -> List[Any]:
    """Values of the same plain type that nothing equal to `value` is equal to as well."""
    kind = _type(value)
    if kind in (int, float, complex):
        return [value + 7919, value - 104729]
    if kind is str:
        return [value + "\u2603q", "q\u2603" + value]
    if kind is bytes:
        return [value + b"\xfeq", b"q\xfe" + value]
    if kind in (list, tuple):
        return [value + kind([_Unrelated()]), kind([_Unrelated(), _Unrelated()])]
    if kind is dict:
        return [{**value, _Unrelated(): 1}, {_Unrelated(): 2}]
    if kind in (set, frozenset):
        return [value | {_Unrelated()}, kind([_Unrelated()])]
    return []


def _leaves(value: Any) -> Iterator[Any]:
    """The value and, where it is a plain container, what is in it."""
    queue, ids, count = [value], set(), 0
    while queue and count < _MAX_LEAVES:
        leaf = queue.pop()
        count += 1
        if id(leaf) in ids:
            continue
        ids.add(id(leaf))
        yield leaf
        try:
            if _isinstance(leaf, dict):
                queue.extend(dict.keys(leaf))
                queue.extend(dict.values(leaf))
            elif _type(leaf) in (list, tuple, set, frozenset) or _isinstance(leaf, (list, tuple)):
                queue.extend(list(leaf))
        except Exception:  # a container of the code under test may refuse
            continue
