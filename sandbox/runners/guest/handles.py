"""Functions, iterators and bare objects that stayed with the other peer. Python 3.8+."""

from __future__ import annotations

from typing import Any

from .unsendable import Unsendable


class Handle:
    """An object of the other peer; as it is, a bare `object()`."""

    def __init__(self, peer: Any, number: int) -> None:
        self._peer, self._number = peer, number

    def __getattr__(self, name: str) -> Any:
        raise Unsendable("`{}` of an object that stayed on the other side".format(name))


class FunctionHandle(Handle):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.ask({"handle": self._number}, args, kwargs)


class IteratorHandle(Handle):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self._peer.ask({"next": self._number}, (), {})


HANDLES = {"b": Handle, "f": FunctionHandle, "i": IteratorHandle}
