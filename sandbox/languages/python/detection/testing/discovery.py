"""Which files the discovery of unittest would load, without running it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.testing.test_files import defines_tests

UNITTEST_PATTERN = "test*.py"
_TAKE_A_VALUE = frozenset(("-k", "--durations", "-s", "-p", "-t"))


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """The arguments of `python -m unittest`, as far as they choose tests."""

    start: str = "."
    pattern: str = UNITTEST_PATTERN
    top: str | None = None
    names: tuple[str, ...] = ()
    """Modules, classes or tests; nothing is discovered then."""
    filtered: bool = False
    """`-k` leaves some tests out."""


def read_discovery(arguments: Sequence[str]) -> Discovery:
    """Read the arguments as unittest does: `discover [start [pattern [top]]]` and its options."""
    discovers = not arguments or arguments[0] == "discover" or arguments[0].startswith("-")
    rest = list(arguments[1:] if arguments[:1] == ("discover",) else arguments)
    values: dict[str, str] = {}
    names: list[str] = []
    while rest:
        word = rest.pop(0)
        key, equals, value = word.partition("=")
        short = {"--start-directory": "-s", "--pattern": "-p", "--top-level-directory": "-t"}
        key = short.get(key, key)
        if equals and key in _TAKE_A_VALUE:
            values[key] = value
        elif key in _TAKE_A_VALUE and rest:
            values[key] = rest.pop(0)
        elif not word.startswith("-"):
            names.append(word)
    if not discovers or (names and arguments[:1] != ("discover",)):
        return Discovery(names=tuple(names), filtered="-k" in values)
    places = dict(zip(("-s", "-p", "-t"), names, strict=False)) | values
    return Discovery(
        start=PurePosixPath(places.get("-s", ".")).as_posix(),
        pattern=places.get("-p", UNITTEST_PATTERN),
        top=places.get("-t"),
        filtered="-k" in values,
    )


def discovered_files(files: ConfigFiles, discovery: Discovery, folder: str = ".") -> Iterator[str]:
    """Files with tests that the discovery reaches: it goes down into packages alone."""
    start = PurePosixPath(folder, discovery.start).as_posix()
    prefix = "" if start == "." else f"{start}/"
    for path in files.snapshot.python_files():
        if not path.startswith(prefix) or not path.isprintable():
            continue
        *inner, name = path.removeprefix(prefix).split("/")
        packages = ("/".join(inner[: depth + 1]) for depth in range(len(inner)))
        reached = all(files.exists(f"{prefix}{package}/__init__.py") for package in packages)
        if reached and fnmatchcase(name, discovery.pattern) and defines_tests(files, path):
            yield path


def named_files(files: ConfigFiles, names: Sequence[str], folder: str = ".") -> Iterator[str]:
    """The files of modules, or of what lies in them; those of a package that is named whole."""
    prefix = "" if folder == "." else f"{folder}/"
    for name in names:
        parts = name.removesuffix(".py").replace("/", ".").split(".")
        for count in range(len(parts), 0, -1):
            place = prefix + "/".join(parts[:count])
            found = [p for p in files.snapshot.python_files() if _is_or_lies_in(p, place)]
            if found:
                yield from found
                break


def _is_or_lies_in(path: str, place: str) -> bool:
    return path == f"{place}.py" or path.startswith(f"{place}/")
