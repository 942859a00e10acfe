"""Values and calls between two interpreters that do not trust each other.

One peer runs the tests, the other the code under test. What crosses is JSON: built-in values,
well-known values of the standard library, instances as their class's name and their state, and
handles for functions and iterators, which stay where they are. Decoding never runs code that the
other peer chose: a class is looked up among modules that are loaded, an instance is made without
its constructor. Objects that both sides know are kept equal with every message, so that a
function which changes its arguments in place does so on both sides. Python 3.8+.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from ..marshalling.comparable import ComparableForm
from ..marshalling.decode import Unpacker
from ..marshalling.encode import Packer
from ..marshalling.errors import Foreign, Unsendable
from ..marshalling.object_table import ObjectTable


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


class Peer:
    """One end of the connection between two sandboxes.

    Every message is answered by exactly one: strict turns.
    """

    def __init__(
        self,
        send: Callable[[Dict[str, Any]], None],
        receive: Callable[[], Dict[str, Any]],
        *,
        parity: int,
        may_hold: Callable[[Any], bool],
        module: Callable[[str], Any],
        named_objects: Callable[[], Dict[int, Tuple[str, str]]],
        find: Callable[[Any], Any],
        call: Callable[..., Any] = _call,
    ) -> None:
        self._send, self._receive = send, receive
        self._find = find
        """What a target that is no handle stands for. Raises Unsendable."""
        self._call = call
        self._depth = 0
        self._looks = False
        self._object_table = ObjectTable(parity, module, named_objects)
        self._pack = Packer(self, self._object_table).pack
        self.unpack = Unpacker(self, self._object_table, may_hold).unpack

    def ask(self, target: Dict[str, Any], args: Any, kwargs: Any) -> Any:
        """Have the other peer call `target`. Returns or raises what that did, or Unsendable."""
        self._enter()
        try:
            question = {"ask": target, **self._pack((tuple(args), dict(kwargs)))}
            return self._outcome(self._exchange(question))
        finally:
            self._leave()

    def inquire(self, target: Dict[str, Any], args: Any, kwargs: Any) -> Dict[str, Any]:
        """Have the other peer call `target` and say how that looks (`view`): nothing is brought
        back, and nothing of this side is called, which would do it twice. Raises Unsendable."""
        self._enter()
        self._looks = True
        try:
            question = {"ask": target, "view": True, **self._pack((tuple(args), dict(kwargs)))}
            answer = self._exchange(question)
            if answer["how"] == "unsendable":
                raise Unsendable(answer["why"])
            return answer
        finally:
            self._looks = False
            self._leave()

    def _exchange(self, question: Dict[str, Any]) -> Dict[str, Any]:
        """The answer, after those to questions that the other peer has on the way."""
        self._send(question)
        while True:
            message = self._receive()
            if "ask" not in message:
                return message
            self._send(self.answer(message))

    def view(self, value: Any) -> ComparableForm:
        """How a value looks from here."""
        return ComparableForm(self._object_table, value)

    def answer(self, message: Dict[str, Any]) -> Dict[str, Any]:
        """Do what the other peer asks; the message to send back."""
        self._enter()
        try:
            if self._looks:
                raise Unsendable("it calls back")
            args, kwargs = self.unpack(message)
            function = self._target(message["ask"])
            try:
                value, ending = self._call(function, *args, **kwargs), "returned"
            except Unsendable:
                raise
            except Exception as error:
                value, ending = error, "raised"
            if "view" in message:
                return {"how": ending, "view": self.view((value, args, kwargs)).shown}
            return {"how": ending, **self._pack(value)}
        except Unsendable as error:
            foreign = isinstance(error, Foreign)
            return {"how": "unsendable", "why": str(error), "foreign": foreign}
        finally:
            self._leave()

    def _target(self, target: Dict[str, Any]) -> Any:
        if "handle" in target:
            return self._object_table.handles[target["handle"]]
        if "next" in target:
            return self._object_table.handles[target["next"]].__next__
        return self._find(target)

    def _outcome(self, message: Dict[str, Any]) -> Any:
        if message["how"] == "unsendable":
            raise (Foreign if message["foreign"] else Unsendable)(message["why"])
        value = self.unpack(message)
        if message["how"] == "raised":
            raise value
        return value

    def _enter(self) -> None:
        self._depth += 1

    def _leave(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._object_table.forget()
