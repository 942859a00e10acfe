from __future__ import annotations

import pytest

from sandbox.languages.other_languages import other_language


@pytest.mark.parametrize(
    ("paths", "language"),
    [
        (["package.json", "src/a.js", "setup.py"], "JavaScript"),
        (["package.json", "src/a.ts", "src/b.tsx", "x.js"], "TypeScript"),
        (["go.mod", "main.go"], "Go"),
        (["Cargo.toml", "src/main.rs"], "Rust"),
        (["pom.xml"], "Java"),
        (["a.py", "b.py", "static/a.js"], ""),
        (["README.md"], ""),
    ],
)
def test_the_language_that_most_files_are_in(paths: list[str], language: str) -> None:
    assert other_language(paths) == language
