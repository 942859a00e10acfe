"""Objects that both peers know, by number, and what was last said of each. Python 3.8+."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from .errors import Unsendable
from .value_kinds import UNNAMED_TYPES

MAX_NODES = 20_000
"""Objects known to both sides within one call; more cost too much time."""


class ObjectTable:
    """The objects that one peer of a split run shares with the other, by number; `Packer` writes
    from it and `Unpacker` into it."""

    def __init__(
        self,
        parity: int,
        module: Callable[[str], Any],
        named_objects: Callable[[], Dict[int, Tuple[str, str]]],
    ) -> None:
        self.named_objects = named_objects
        """Objects of the project that have a name (markers, singletons): id → module, name.
        Both sides have their own one, and `is` must go on to work."""
        self.module = module
        """The module of this name, or None."""
        self._own = parity
        """0 or 1: whose numbers are even and whose are odd."""
        self.asks = parity == 0
        """The tests' side: it may keep what cannot cross, and say so; an answer must be whole."""
        self.handles: Dict[int, Any] = {}
        """Functions, iterators and other objects that stay on this side, by number."""
        self.kept: Dict[int, List[Any]] = {}
        """The same by id: letter (see `handles.HANDLES`) and number."""
        self.forget()

    def forget(self) -> None:
        """Forget all objects: the outermost call is over, and each side changes its own again."""
        self.objects: Dict[int, Any] = {}
        self.numbers: Dict[int, int] = {}
        self.said: Dict[int, str] = {}
        self._next = self._own + 2

    def add(self, value: Any) -> int:
        """Give an object of this side its number. Raises Unsendable when there are too many."""
        if len(self.objects) >= MAX_NODES:
            raise Unsendable("the arguments hold more than {} objects".format(MAX_NODES))
        number = self._next
        self._next += 2
        self.know(number, value)
        return number

    def know(self, number: int, value: Any) -> None:
        self.objects[number] = value
        self.numbers[id(value)] = number

    def keep(self, value: Any, letter: str) -> List[Any]:
        """The name by which the other side may speak of this object."""
        if id(value) not in self.kept:
            number = len(self.handles) + 1
            self.handles[number] = value
            self.kept[id(value)] = [letter, number]
        return self.kept[id(value)]

    def found(self, name: Tuple[str, str]) -> Any:
        """The module attribute of this dotted name; None when there is no such thing."""
        module, dotted_name = name
        if module in ("builtins", "None") and dotted_name in UNNAMED_TYPES:
            return UNNAMED_TYPES[dotted_name]
        value: Any = self.module("builtins" if module == "None" else module)
        for part in dotted_name.split("."):
            value = getattr(value, part, None)
        return value
