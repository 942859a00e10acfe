"""Whether an object can be told from its like, and from what it is not. Python 3.8+.

Joined to `audit.py`, which is loaded inside the sandbox as one file. The builtins are taken when it
is loaded, before any code of the project, so that replacing one cannot blind this.
"""

from __future__ import annotations

import itertools
import operator
from typing import Any, Callable, Dict, Iterator, List

from .near_copies import _fields, _Unrelated, changed, near_copies, rebuilt

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
_LEAVES = 10_000


def _loaded(module: Any, text: str) -> Dict[str, Any]:
    """What the module would hold with another source. It is not entered anywhere."""
    names = ("__name__", "__file__", "__package__", "__path__", "__spec__", "__loader__")
    known = {name: vars(module)[name] for name in names if name in vars(module)}
    try:
        exec(compile(text, known["__file__"], "exec"), known)
    except Exception:  # it may not bear to be loaded twice; what it held by then counts
        pass
    return known


def _name(value: Any) -> str:
    return str(_type(value).__name__).strip("_")


def _copies(value: Any) -> List[Any]:
    """Nearly equal instances; empty where not even an exact copy is equal."""
    if not value == rebuilt(value, _type(value), {}):
        return []
    return near_copies(value)


def _same_as_all(value: Any, other: Any, _sign: str) -> bool:
    """Whether it equals every one of its neighbours, or of those of what it is compared with."""
    near = _copies(value)
    if near and all(value == one and not value != one for one in near):
        return True
    if _type(other) is _type(value) or other is None:
        return False
    near = list(changed(other))
    return _bool(near) and value == other and all(value == one for one in near)


def _differs_from_itself(value: Any, _other: Any, _sign: str) -> bool:
    same = rebuilt(value, _type(value), {})
    return _bool(value == same and value != same)


def _ordered_as_wished(value: Any, _other: Any, sign: str) -> bool:
    """Whether it stands before and behind each neighbour at once."""
    near, compare = near_copies(value), _OPERATORS[sign]
    return _bool(near) and all(compare(value, one) and compare(one, value) for one in near)


def _holds_all(value: Any, other: Any, _sign: str) -> bool:
    near = [*changed(other), *_neighbours(other)]
    return _bool(near) and all(one in value for one in near)


def _holds_none(value: Any, _other: Any, _sign: str) -> bool:
    """Whether it denies what it holds itself."""
    held = list(value)[:8]
    return _bool(held) and all(one not in value for one in held)


def _miscounts(value: Any, said: int) -> bool:
    if not hasattr(_type(value), "__iter__") or hasattr(_type(value), "__next__"):
        return False
    counts = [sum(1 for _ in itertools.islice(iter(value), said + 100)) for _ in range(2)]
    return counts[0] == counts[1] != said


_LAX = {"!=": _differs_from_itself, **dict.fromkeys(("<", ">", "<=", ">="), _ordered_as_wished)}


def _alike(one: Any, other: Any) -> bool:
    """Whether two objects are the same but for what they think of it."""
    return _type(one) is _type(other) and _bool(_fields(one) == _fields(other))


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
        return _answers(lambda: value < _Unrelated()) and _answers(lambda: value > _Unrelated())
    strangers = [_Unrelated(), _Unrelated()]
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
        return [value + kind([_Unrelated()]), kind([_Unrelated(), _Unrelated()])]
    if kind is dict:
        return [{**value, _Unrelated(): 1}, {_Unrelated(): 2}]
    if kind in (set, frozenset):
        return [value | {_Unrelated()}, kind([_Unrelated()])]
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
