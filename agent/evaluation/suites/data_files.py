"""Reading the data that users name: bounded, and with a sentence where it is of another shape."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.evaluation.errors import DataUnreadable
from agent.untrusted_text import shortened

MAX_DATA_BYTES = 1024**3
Row = Mapping[str, Any]


def read_rows(path: Path, fields: Mapping[str, type]) -> list[Row]:
    """The objects of a `.jsonl`, `.jsonl.gz` or `.json` file, each of which has these fields.

    Raises DataUnreadable.
    """
    rows = list(_objects(path))
    if not rows:
        raise DataUnreadable(f"{path} holds no tasks")
    for number, row in enumerate(rows, start=1):
        for name, kind in fields.items():
            if not isinstance(row.get(name), kind):
                raise DataUnreadable(
                    f"{path}: record {number} has no {name!r} that is {_noun(kind)}; "
                    f"it has {shortened(', '.join(map(str, row)), 200)}"
                )
    return rows


def read_text(path: Path) -> str:
    """A text file, unpacked where its name ends with `.gz`. Raises DataUnreadable."""
    try:
        with path.open("rb") as stream:
            if path.suffix == ".gz":
                with gzip.open(stream) as gzip_stream:
                    content = gzip_stream.read(MAX_DATA_BYTES + 1)
            else:
                content = stream.read(MAX_DATA_BYTES + 1)
        if len(content) > MAX_DATA_BYTES:
            raise DataUnreadable(f"{path} has more than {MAX_DATA_BYTES:,} bytes")
        return content.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataUnreadable(f"{path} cannot be read: {error}") from error


def the_file(path: Path, names: Sequence[str]) -> Path:
    """The file itself, or what lies under the first of these names in the folder.

    Raises DataUnreadable.
    """
    if path.is_file():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    if path.is_dir():
        raise DataUnreadable(f"{path} holds none of {', '.join(names)}")
    raise DataUnreadable(f"there is no {path}")


def _objects(path: Path) -> Iterator[Row]:
    text = read_text(path)
    if text.lstrip().startswith("["):
        yield from _whole(path, text)
        return
    for number, line in enumerate(io.StringIO(text), start=1):
        if line.strip():
            yield _object(line, f"{path}:{number}")


def _whole(path: Path, text: str) -> Iterator[Row]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataUnreadable(f"{path} is not JSON: {error}") from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DataUnreadable(f"{path}: entry {number} is no object")
        yield row


def _object(line: str, place: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataUnreadable(f"{place} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataUnreadable(f"{place} is no object")
    return row


def _noun(kind: type) -> str:
    return {str: "text", list: "a list", int: "a whole number"}.get(kind, kind.__name__)
