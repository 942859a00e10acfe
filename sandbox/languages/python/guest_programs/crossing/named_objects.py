"""Objects of the project that have a name, so that both sides find their own one. Python 3.8+."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .value_kinds import dict_of, is_heap

MAX_LANDMARKS = 20_000


def named_objects(modules: List[Any]) -> Dict[int, Tuple[str, str]]:
    """Instances that these modules, or classes in them, give a name to; and classes that stand
    there under another name than their own."""
    found: Dict[int, Tuple[str, str]] = {}
    for module in modules:
        waiting = list(vars(module).items())
        while waiting and len(found) < MAX_LANDMARKS:
            name, one = waiting.pop()
            kind = type(one)
            if isinstance(one, type):
                if one.__module__ == module.__name__ and "." not in name:
                    waiting += [(name + "." + n, v) for n, v in vars(one).items()]
                    if one.__qualname__ != name:
                        found.setdefault(id(one), (module.__name__, name))
            elif (kind is object or is_heap(kind)) and id(one) not in found:
                found[id(one)] = (module.__name__, name)
                # Some grow more of their own kind as attributes, as the tokens of lexers do.
                inside = (dict_of(one) or {}).items()
                waiting += [(name + "." + n, v) for n, v in inside if type(v) is kind]
    return found
