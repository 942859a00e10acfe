"""Objects of the project that have a name, so that both sides find their own one. Python 3.8+."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .value_kinds import dict_of, is_heap

MAX_NAMED_OBJECTS = 20_000


def named_objects(modules: List[Any]) -> Dict[int, Tuple[str, str]]:
    """Instances that these modules, or classes in them, give a name to; and classes that stand
    there under another name than their own."""
    names: Dict[int, Tuple[str, str]] = {}
    for module in modules:
        queue = list(vars(module).items())
        while queue and len(names) < MAX_NAMED_OBJECTS:
            name, value = queue.pop()
            kind = type(value)
            if isinstance(value, type):
                if value.__module__ == module.__name__ and "." not in name:
                    queue += [(name + "." + n, v) for n, v in vars(value).items()]
                    if value.__qualname__ != name:
                        names.setdefault(id(value), (module.__name__, name))
            elif (kind is object or is_heap(kind)) and id(value) not in names:
                names[id(value)] = (module.__name__, name)
                # Some grow more of their own kind as attributes, as the tokens of lexers do.
                attributes = (dict_of(value) or {}).items()
                queue += [(name + "." + n, v) for n, v in attributes if type(v) is kind]
    return names
