"""The record of what is known of a JavaScript or TypeScript project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import ClassVar

from sandbox.languages.javascript.detection.globs import matching

SOURCE_SUFFIXES = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
_TEST_FOLDERS = frozenset(("test", "tests", "__tests__", "__mocks__", "__snapshots__", "spec"))
_TEST_NAME = re.compile(
    r".+[._-](?:test|tests|spec|e2e)\.[cm]?[jt]sx?|test(?:-.*)?\.[cm]?[jt]sx?|.+\.snap(?:shot)?"
)
_CONFIG_NAMES = frozenset(
    (
        *("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock"),
        *("pnpm-lock.yaml", "pnpm-workspace.yaml", "bun.lock", "bun.lockb", "lerna.json"),
        *("nx.json", "turbo.json", "deno.json", "deno.lock", ".npmrc", ".yarnrc", ".yarnrc.yml"),
        *(".pnp.cjs", ".pnp.loader.mjs", ".pnpmfile.cjs", ".nvmrc", ".node-version"),
        *(".tool-versions", ".swcrc", ".taprc", "makefile", "dockerfile", "compose.yaml"),
        *(".gitattributes", ".gitmodules", ".gitignore", ".gitlab-ci.yml", ".travis.yml"),
        *("azure-pipelines.yml", "jenkinsfile", "appveyor.yml"),
    )
)
_CONFIG_NAME = re.compile(
    r"(?:\.mocharc|\.babelrc|\.nycrc|\.c8rc|\.eslintrc|\.env|\.prettierrc)(?:\..*)?"
    r"|(?:jest|vitest|vite|babel|ava|karma|webpack|rollup|esbuild|tsup|eslint|wtr|web-test-runner"
    r"|playwright|cypress|metro|node)\.(?:config|conf|workspace|projects|setup|shims?|preset)\..*"
    r"|(?:ts|js)config(?:\..*)?\.json|(?:jest|vitest|mocha|test)[._-]?setup\..*"
)
_CONFIG_FOLDERS = frozenset((".git", ".github", ".circleci", ".gitlab", ".husky", ".yarn"))


class Framework(StrEnum):
    """What runs the tests; the value is how people call it."""

    NODE_TEST = "node:test"
    MOCHA = "mocha"
    JEST = "jest"
    VITEST = "vitest"
    PROGRAMS = "node"
    """Each file is a program, and its exit status the outcome of one test: tape, or a test written
    without any framework."""


@dataclass(frozen=True, kw_only=True)
class JavaScriptTests:
    """How the tests are run, and which files they are."""

    arguments: tuple[str, ...] = ()
    """With mocha, jest and vitest: their own options."""
    places: tuple[str, ...] = ()
    """With them: the files, folders and patterns that they are given, from the package's folder."""
    node_options: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables that the command itself sets."""
    files: tuple[str, ...] = ()
    """Files with tests, as far as their names and the command tell, from the top."""
    setup: tuple[str, ...] = ()
    """Files that are loaded before the tests."""
    given: bool = False
    """A person named the command."""


@dataclass(frozen=True, kw_only=True)
class TestedPackage:
    """A package whose tests run in its own folder, by its own framework."""

    __test__: ClassVar[bool] = False
    framework: Framework
    tests: JavaScriptTests
    folder: str = ""
    """From the top of the project; empty for the top itself."""

    def holds(self, path: str) -> bool:
        """Whether a file lies in its folder."""
        return not self.folder or path.startswith(f"{self.folder}/")

    def places_with(self, path: str) -> tuple[str, ...]:
        """The places of its tests, with a file that none of them holds; none are all."""
        places = self.tests.places
        name = posixpath.relpath(path, self.folder) if self.folder else path
        folders = tuple(f"{posixpath.normpath(place)}/" for place in places)
        is_held = not places or "./" in folders or name.startswith(folders)
        return places if is_held or matching(places, [name]) else (*places, name)


@dataclass(frozen=True, kw_only=True)
class JavaScriptProject:
    """A project with a package.json at its top, as its files describe it."""

    name: str
    framework: Framework
    tests: JavaScriptTests = field(default_factory=JavaScriptTests)
    folder: str = ""
    """Of the package that these tests belong to; empty for the top."""
    further: tuple[TestedPackage, ...] = ()
    """Other packages of a workspace whose tests run as well."""
    node: str | None = None
    """Versions of Node that the project asks for, as it writes them."""
    install: str | None = None
    """A shell command that replaces the installation."""
    variables: Mapping[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    """How each decision was made, one sentence each."""
    notes: tuple[str, ...] = ()
    """What could not be read or is ignored, one sentence each."""

    @property
    def runner(self) -> Framework:
        return self.framework

    @property
    def packages(self) -> tuple[TestedPackage, ...]:
        """Everything whose tests run, in this order."""
        first = TestedPackage(framework=self.framework, tests=self.tests, folder=self.folder)
        return (first, *self.further)

    def package_of(self, path: str) -> TestedPackage:
        """The package that a test file belongs to: the innermost around it."""
        around = (package for package in self.packages if package.holds(path))
        return max(around, key=lambda package: len(package.folder), default=self.packages[0])

    @property
    def test_files(self) -> tuple[str, ...]:
        """Files with tests, as far as they are known."""
        return tuple(path for package in self.packages for path in package.tests.files)

    @property
    def has_tests(self) -> bool:
        groups = (package.tests for package in self.packages)
        return any(tests.files or tests.places or tests.given for tests in groups)

    def is_source_path(self, path: str) -> bool:
        """Say whether a file is JavaScript or TypeScript by its name."""
        return path.endswith(SOURCE_SUFFIXES)

    def is_test_path(self, path: str) -> bool:
        """Say whether a file belongs to the tests: by its name, or by a folder above it."""
        pure = PurePosixPath(path)
        in_test_folder = not _TEST_FOLDERS.isdisjoint(part.lower() for part in pure.parts[:-1])
        is_named = _TEST_NAME.fullmatch(pure.name.lower()) is not None
        groups = (package.tests for package in self.packages)
        is_known = any(path in (*tests.files, *tests.setup) for tests in groups)
        return in_test_folder or is_named or is_known

    def is_config_path(self, path: str) -> bool:
        """Say whether a file decides how the project is installed, tested or checked."""
        pure = PurePosixPath(path)
        name = pure.name.lower()
        in_folder = not (_CONFIG_FOLDERS | {"node_modules"}).isdisjoint(pure.parts)
        return in_folder or name in _CONFIG_NAMES or _CONFIG_NAME.fullmatch(name) is not None

    def holds_pinned_examples(self, path: str) -> bool:  # noqa: ARG002 - no examples are tests
        return False

    def with_test_files(self, paths: Iterable[str]) -> JavaScriptProject:
        """The same project, in which these files are tests, too."""
        new_paths = tuple(paths)
        first, *others = (
            replace(
                package.tests,
                files=(
                    *package.tests.files,
                    *(p for p in new_paths if self.package_of(p).folder == package.folder),
                ),
            )
            for package in self.packages
        )
        return self._with_tests(first, others)

    def with_new_test(self, path: str) -> JavaScriptProject:
        """The same project, whose runs of all tests include a new file of tests."""
        folder = self.package_of(path).folder
        first, *others = (
            replace(package.tests, places=package.places_with(path))
            if package.folder == folder
            else package.tests
            for package in self.with_test_files([path]).packages
        )
        return self._with_tests(first, others)

    def _with_tests(
        self, first: JavaScriptTests, others: Sequence[JavaScriptTests]
    ) -> JavaScriptProject:
        further = (replace(one, tests=t) for one, t in zip(self.further, others, strict=True))
        return replace(self, tests=first, further=tuple(further))
