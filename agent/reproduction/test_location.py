"""Where a generated test file goes, and what its tests are called there."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sandbox.runners.test_ids import file_of, id_in_file

MAX_READ_FILES = 300
"""Test files that are looked into for the words of a statement, those with most tests."""
_WORD = re.compile(r"[A-Za-z_]\w{2,}")


@dataclass(frozen=True, kw_only=True)
class TestLocation:
    """A new file beside a test file of the project, in a folder that its runner looks at."""

    __test__ = False

    path: str
    beside: str
    """The test file in whose folder it is."""
    style: str
    """A test id of that file: ids are made in its style."""

    @property
    def as_case(self) -> bool:
        """The runner knows methods of a `TestCase` only."""
        return "::" not in self.style

    @property
    def has_parameters(self) -> bool:
        """A bracket in a name begins the parameters of a test, as in Python; else it is a letter
        like any other."""
        return self.path.endswith(".py")

    def id_of(self, name: str) -> str:
        """The id of `Case.test` or `test` in the file; with its parameters where it has some."""
        if not self.has_parameters:
            return f"{self.path}::{name}"
        plain_name, bracket, parameters = name.partition("[")
        case, _, test = plain_name.rpartition(".")
        test_id = id_in_file(self.path, case, test, like=self.style, like_file=self.beside)
        return f"{test_id}{bracket}{parameters}"


def place_for(
    statement: str,
    tests: Sequence[str],
    paths: Collection[str],
    read: Callable[[str], str] = lambda _: "",
    is_test_path: Callable[[str], bool] = lambda _: True,
    name_of: Callable[[str, str], str] = lambda _, digest: f"test_issue_{digest}.py",
) -> TestLocation | None:
    """Beside the test file that names what the statement speaks of, and among equals the one with
    the most tests; named after the statement. None when no test lies in a file of the snapshot.

    `tests` are those that can be collected; `read` gives the text of a file, `name_of` the name of
    the new one, from that of the file beside it and a mark of the statement. Where there are files
    of tests, modules and documents whose examples are run as tests are no place for one.
    """
    counts: dict[str, int] = {}
    styles: dict[str, str] = {}
    for test_id in tests:
        path = file_of(test_id, paths)
        if path is not None:
            counts[path] = counts.get(path, 0) + 1
            styles.setdefault(path, test_id)
    if not counts:
        return None
    files = list(filter(is_test_path, counts)) or list(counts)
    most = sorted(files, key=lambda path: (-counts[path], path))[:MAX_READ_FILES]
    scores = _named(statement, {path: f"{path}\n{read(path)}" for path in most})
    beside = max(most, key=lambda path: (scores[path], counts[path], path))
    digest = hashlib.sha256(statement.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    name = name_of(posixpath.basename(beside), digest)
    return TestLocation(
        path=posixpath.join(posixpath.dirname(beside), name), beside=beside, style=styles[beside]
    )


def _named(statement: str, texts: Mapping[str, str]) -> Mapping[str, float]:
    """Test file → how much of what the statement names it names, too: a word that few of the files
    have says most."""
    statement_words = _words(statement)
    words = {path: _words(text) & statement_words for path, text in texts.items()}
    files = Counter(word for file_words in words.values() for word in file_words)
    return {
        path: sum(1 / files[word] for word in file_words if files[word] < max(2, len(texts)))
        for path, file_words in words.items()
    }


def _words(text: str) -> frozenset[str]:
    """Names and their parts, in lower case."""
    names = _WORD.findall(text)
    parts = (part for name in names for part in (name, *name.split("_")))
    return frozenset(part.lower() for part in parts if len(part) > 2)
