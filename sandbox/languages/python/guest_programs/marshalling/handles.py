"""Functions, iterators and other objects that stayed with the other peer. Python 3.8+."""

from __future__ import annotations

from typing import Any

from .errors import Unsendable


class Handle:
    """An object of the other peer; as it is, a bare `object()`."""

    def __init__(self, peer: Any, number: int) -> None:
        self.__dict__.update(_peer=peer, _number=number)

    def __getattr__(self, name: str) -> Any:
        raise Unsendable("`{}` of an object that stayed on the other side".format(name))

    def __setattr__(self, name: str, _value: Any) -> None:
        # A decorator that marks a function of the tests: the mark would be lost here. Setting it
        # over there would let the code under test change the tests (`__code__`).
        raise Unsendable("`{}` is set on an object that stayed on the other side".format(name))


class FunctionHandle(Handle):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.ask({"handle": self._number}, args, kwargs)


class IteratorHandle(Handle):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self._peer.ask({"next": self._number}, (), {})


class SealedHandle(Handle):
    """Stands for an object whose state nobody can see (a lock, an open file): it may be passed on
    and kept, but whoever uses it, or asks what it is, cannot be judged from here."""

    __hash__ = object.__hash__

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._used()

    def _used(self, *_args: Any, **_kwargs: Any) -> Any:
        raise Unsendable("an object that stayed on the other side is used")


for _name in (
    *("bool", "len", "iter", "next", "contains", "getitem", "setitem", "delitem", "call"),
    *("eq", "ne", "lt", "le", "gt", "ge", "enter", "exit", "int", "float", "index", "str"),
    *("repr", "bytes", "format", "add", "radd", "sub", "rsub", "mul", "rmul", "truediv"),
    *("rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "pow", "rpow", "matmul", "rmatmul"),
    *("and", "rand", "or", "ror", "xor", "rxor", "lshift", "rshift", "neg", "pos", "abs"),
    *("invert", "fspath"),
):
    setattr(SealedHandle, "__{}__".format(_name), SealedHandle._used)

HANDLES = {"b": Handle, "f": FunctionHandle, "i": IteratorHandle, "s": SealedHandle}
