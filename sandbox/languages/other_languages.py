"""Which language a repository is in whose tests cannot be run: said to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

LANGUAGES = {
    "C": (".c",),
    "C#": (".cs",),
    "C++": (".cc", ".cpp", ".cxx"),
    "Go": (".go",),
    "Java": (".java",),
    "JavaScript": (".js", ".jsx", ".mjs", ".cjs"),
    "Kotlin": (".kt",),
    "PHP": (".php",),
    "Python": (".py",),
    "Ruby": (".rb",),
    "Rust": (".rs",),
    "Swift": (".swift",),
    "TypeScript": (".ts", ".tsx"),
}
MANIFESTS = {
    "package.json": "JavaScript",
    "go.mod": "Go",
    "Cargo.toml": "Rust",
    "pom.xml": "Java",
    "build.gradle": "Java",
    "build.gradle.kts": "Kotlin",
    "composer.json": "PHP",
    "Gemfile": "Ruby",
    "Package.swift": "Swift",
}
"""File at the top → the language where no source says more."""
_LANGUAGE_OF = {suffix: name for name, suffixes in LANGUAGES.items() for suffix in suffixes}


def other_language(paths: Iterable[str]) -> str:
    """The language that most files are in, e.g. `Go`; empty where that is Python or not known."""
    files = list(paths)
    counts = Counter(
        language
        for path in files
        if (language := _LANGUAGE_OF.get(PurePosixPath(path).suffix.lower()))
    )
    by_manifest = [MANIFESTS[path] for path in files if path in MANIFESTS]
    if counts:
        most = counts.most_common(1)[0][0]
        return "" if most == "Python" else most
    return by_manifest[0] if by_manifest else ""
