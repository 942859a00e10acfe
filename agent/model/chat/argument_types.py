"""Typing the text of tool-call parameters by the tool's JSON schema.

The call format carries every value as text. A parameter whose schema allows a string keeps its
text exactly as it stands; anything else is read as JSON, with Python's own spellings allowed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from sandbox.syntax import literal

_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_LIST_WITHOUT_BRACKETS = re.compile(r"[^\[\](){},\n]+(?:,[^\[\](){},\n]+)+")
_SPELLINGS: Mapping[str, object] = {"true": True, "false": False, "null": None, "none": None}


class WrongType(ValueError):
    """The text is not a value of the type; the message says which type was expected."""


def coerce(text: str, schema: Mapping[str, object]) -> object:
    """Return the value that `text` stands for under `schema`. Raises WrongType.

    A union that includes `string`, and a schema without a type, keep the text as a string.
    """
    types = _types(schema)
    if not types or "string" in types:
        # Where only certain words are allowed, the space around one says nothing.
        words = schema.get("enum")
        word = text.strip() if isinstance(words, list) and text not in words else text
        _check_enum(word, schema)
        return word
    value = _read(text.strip(), types)
    check_value(value, schema)
    return value


def check_value(value: object, schema: Mapping[str, object]) -> None:
    """Raise WrongType unless `value` has the schema's type, its items theirs, and its enum it."""
    types = _types(schema)
    if types and not any(_is_type(value, name) for name in types):
        raise WrongType(f"must be {_spelled(types)}, not {_shown(value)}")
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        for item in value:
            check_value(item, items)
    _check_enum(value, schema)


def is_text_only(schema: Mapping[str, object]) -> bool:
    """True where the only values allowed are texts, and any of them."""
    return _types(schema) == ("string",) and "enum" not in schema


def is_absent(value: object, schema: Mapping[str, object]) -> bool:
    """True for a null, or the word for it, where the schema allows neither: no value was meant."""
    types = _types(schema)
    if not types or "null" in types or is_text_only(schema):
        return False
    is_word = isinstance(value, str) and _SPELLINGS.get(value.strip().lower(), 0) is None
    return value is None or (is_word and "string" not in types)


def _types(schema: Mapping[str, object]) -> tuple[str, ...]:
    declaration = schema.get("type")
    if isinstance(declaration, str):
        return (declaration,)
    if isinstance(declaration, list):
        return tuple(str(name) for name in declaration)
    types: list[str] = []
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        for option in options if isinstance(options, list) else ():
            if isinstance(option, Mapping):
                types += _types(option)
    return tuple(types)


def _read(text: str, types: tuple[str, ...]) -> object:
    if text.lower() in _SPELLINGS:
        return _SPELLINGS[text.lower()]
    if "array" in types and _LIST_WITHOUT_BRACKETS.fullmatch(text):
        text = f"[{text}]"  # `1, 20`
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _read_python(text, types)
    if isinstance(value, float) and "number" not in types and "integer" in types:
        return int(value) if math.isfinite(value) and value.is_integer() else value
    return value


def _read_python(text: str, types: tuple[str, ...]) -> object:
    try:
        return literal(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise WrongType(f"must be {_spelled(types)}, not {_shown(text)}") from None


def _is_type(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _JSON_TYPES.get(name, (object,)))


def _check_enum(value: object, schema: Mapping[str, object]) -> None:
    options = schema.get("enum")
    if isinstance(options, list) and value not in options:
        names = ", ".join(str(option) for option in options)
        raise WrongType(f"must be one of {names}, not {_shown(value)}")


def _spelled(types: tuple[str, ...]) -> str:
    return " or ".join(f"of type {name}" for name in types)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
