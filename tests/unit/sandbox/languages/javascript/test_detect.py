"""What is found of a JavaScript project, from its files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.languages.base import Overrides
from sandbox.languages.choose import understand
from sandbox.languages.javascript.detection.detect import why_untested
from sandbox.languages.javascript.detection.project import Framework, JavaScriptProject
from sandbox.languages.javascript.environments.recipe import write_recipe
from tests.support.snapshot_case import snapshot_of

TEST = "require('node:test')"


def package(**fields: object) -> str:
    return json.dumps({"name": "calc", **fields})


def found(
    tmp_path: Path, script: str, files: Mapping[str, str] | None = None, **scripts: str
) -> JavaScriptProject:
    """The project whose script `test` is this one."""
    everything = {
        "package.json": package(scripts={"test": script, **scripts}),
        "test/a.test.js": TEST,
        "lib/a.js": "",
        **(files or {}),
    }
    project = understand(snapshot_of(tmp_path, everything))
    assert isinstance(project, JavaScriptProject)
    return project


@pytest.mark.parametrize(
    ("script", "framework", "arguments", "node_options"),
    [
        ("node --test", Framework.NODE_TEST, (), ()),
        ("node --test --watch --test-reporter spec test/", Framework.NODE_TEST, (), ()),
        ("node --import tsx --test test", Framework.NODE_TEST, (), ("--import", "tsx")),
        ("node test/a.test.js", Framework.NODE_TEST, (), ()),
        ("node bin/fix.js mocha test --exit", Framework.MOCHA, ("test",), ()),
        ("borp --coverage", Framework.NODE_TEST, (), ()),
        ("mocha", Framework.MOCHA, ("./test",), ()),
        ("mocha --watch -R dot --bail -p", Framework.MOCHA, ("./test",), ()),
        (
            "cross-env NODE_ENV=test nyc --reporter lcov mocha -t 5000 'test/**/*.js'",
            Framework.MOCHA,
            ("-t", "5000", "test/**/*.js"),
            (),
        ),
        ("eslint . && npm run unit", Framework.MOCHA, ("test/a.test.js",), ()),
        ("npx mocha --import=tsx test", Framework.MOCHA, ("test",), ("--import=tsx",)),
        (
            "node --expose-gc ./node_modules/mocha/bin/_mocha test",
            Framework.MOCHA,
            ("test",),
            ("--expose-gc",),
        ),
    ],
)
def test_what_the_script_comes_to(
    tmp_path: Path,
    script: str,
    framework: Framework,
    arguments: tuple[str, ...],
    node_options: tuple[str, ...],
) -> None:
    project = found(tmp_path, script, unit="mocha test/a.test.js")
    assert project.framework is framework
    assert (*project.tests.arguments, *project.tests.places) == arguments
    assert project.tests.node_options == node_options
    assert project.tests.files == ("test/a.test.js",)


def test_of_several_commands_the_widest_counts(tmp_path: Path) -> None:
    project = found(tmp_path, "TZ=A jest test/tz && B=1 jest --coverage && jest test/b")
    assert project.tests.places == ()
    assert project.tests.variables == (("B", "1"),)
    assert "of 3 commands the widest" in project.why[0]


def test_variables_of_the_script_are_kept(tmp_path: Path) -> None:
    project = found(tmp_path, "A=1 cross-env B=2 mocha")
    assert project.tests.variables == (("A", "1"), ("B", "2"))


def test_settings_of_mocha_say_where_the_tests_are(tmp_path: Path) -> None:
    files = {
        ".mocharc.json": '{"spec": ["spec/**/*.{cjs,js}"], "require": "./spec/setup", /* x */ }',
        ".mocharc.yml": "spec: [spec/b.js]\nrequire: ./hooks/first\nimport: tsx\n",
        "hooks/first.js": "",
        "spec/b.js": "",
    }
    del files[".mocharc.json"]
    project = found(tmp_path, "mocha", files)
    assert project.tests.files == ("spec/b.js",)
    assert project.tests.node_options == ("--import=tsx",)
    assert project.tests.setup == ("hooks/first.js",)
    assert project.is_test_path("hooks/first.js")


def test_what_jest_loads_first_is_protected(tmp_path: Path) -> None:
    files = {
        "jest.config.ts": "export default { setupFiles: ['<rootDir>/lib/polyfill.js', './b.js'] };",
        "lib/polyfill.js": "",
        "b.js": "",
        "src/__tests__/a.tsx": "",
    }
    project = found(tmp_path, "jest --watch --coverage --env=jsdom src", files)
    assert project.framework is Framework.JEST
    assert (project.tests.arguments, project.tests.places) == (("--env=jsdom",), ("src",))
    assert project.tests.setup == ("lib/polyfill.js", "b.js")
    assert project.tests.files == ("src/__tests__/a.tsx", "test/a.test.js")
    assert project.is_test_path("lib/polyfill.js")


@pytest.mark.parametrize(
    ("path", "is_protected"),
    [
        ("lib/a.js", False),
        ("src/index.ts", False),
        ("lib/testing.js", False),
        ("test/helper.js", True),
        ("lib/a.spec.ts", True),
        ("src/__mocks__/a.js", True),
        ("src/a.js.snap", True),
        ("package.json", True),
        ("packages/b/package.json", True),
        ("package-lock.json", True),
        ("pnpm-lock.yaml", True),
        (".mocharc.cjs", True),
        ("vitest.config.mts", True),
        ("jest.setup.ts", True),
        ("tsconfig.build.json", True),
        (".npmrc", True),
        ("node_modules/mocha/index.js", True),
        (".github/workflows/ci.yml", True),
    ],
)
def test_what_is_protected(tmp_path: Path, path: str, is_protected: bool) -> None:
    project = found(tmp_path, "mocha")
    assert (project.is_test_path(path) or project.is_config_path(path)) == is_protected


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": "{", "test/a.test.js": TEST},
        {"package.json": "[]", "test/a.test.js": TEST},
        {"package.json": '{"scripts": {"test": ["mocha"]}}'},
        {"package.json": '{"scripts": {"test": "mocha \'"}}'},
        {"package.json": '{"scripts": {"test": "npm run test"}}'},
        {"package.json": "{" * 3000},
        {"a.js": ""},
        {"package.json": package(scripts={"test": 'echo "no test specified" && exit 1'})},
    ],
)
def test_what_cannot_be_run_is_no_project_of_javascript(
    tmp_path: Path, files: dict[str, str]
) -> None:
    project = understand(snapshot_of(tmp_path, files))
    assert not isinstance(project, JavaScriptProject)
    assert not project.has_tests


@pytest.mark.parametrize(
    ("script", "name", "settings"),
    [
        (
            "vitest",
            "vitest.config.ts",
            "export default {\n  test: {\n    coverage: { include: ['lib/**'] },\n"
            "    include: [\"**/own/**/*.[jt]s?(x)\", 'src/spec/*.ts'],\n  },\n};\n",
        ),
        ("jest", "jest.config.js", "module.exports = { testMatch: ['<rootDir>/src/spec/*.ts'] };"),
        ("jest -c own.json", "own.json", '{"testMatch": ["**/spec/*.ts"]}'),
    ],
)
def test_settings_say_which_files_are_tests(
    tmp_path: Path, script: str, name: str, settings: str
) -> None:
    files = {"src/spec/a.ts": "", "lib/a.ts": "", "src/b.ts": "", "own/a.js": "", name: settings}
    manifest = package(scripts={"test": script})
    project = understand(snapshot_of(tmp_path, {**files, "package.json": manifest}))
    assert isinstance(project, JavaScriptProject)
    assert project.tests.files == ("src/spec/a.ts",)


def test_settings_of_a_great_size_are_read_in_time(tmp_path: Path) -> None:
    text = "include: [" + " " * 200_000 + "'a'" + " ," * 100_000
    files = {"vitest.config.ts": text, "package.json": package(scripts={"test": "vitest"})}
    assert not understand(snapshot_of(tmp_path, files)).has_tests


@pytest.mark.parametrize("framework", ["jasmine", "ava"])
def test_another_framework_is_named(tmp_path: Path, framework: str) -> None:
    snapshot = snapshot_of(
        tmp_path, {"package.json": package(scripts={"test": f"{framework} --watch"})}
    )
    assert not understand(snapshot).has_tests
    sentence = f"its tests are run by {framework}, which cannot be run here yet"
    assert why_untested(snapshot, Overrides()) == sentence


@pytest.mark.parametrize(
    ("script", "tests", "options"),
    [
        ("nyc tape 'test/**/*.js'", ("test/a.test.js", "test/b.js"), ()),
        ("tape -r ./test/setup.js test/b.js", ("test/b.js",), ("--require", "./test/setup.js")),
        ("npm run lint && node test/b.js", ("test/b.js",), ()),
        ("node test/a.test.js && node test/b.js", ("test/a.test.js", "test/b.js"), ()),
        ("tap", ("test/a.test.js", "test/b.js"), ()),
        ("c8 tap run --timeout=60 test/b*.js", ("test/b.js",), ()),
        ("uvu", ("test/a.test.js", "test/b.js"), ()),
        (
            "uvu -r ./test/setup.js test",
            ("test/a.test.js", "test/b.js"),
            ("--require", "./test/setup.js"),
        ),
        (r"uvu test '\.test\.js$'", ("test/a.test.js",), ()),
        ("uvu test '(a|b)+$'", ("test/a.test.js", "test/b.js"), ()),
        ("node build.js && node --no-warnings test/b.js", ("test/b.js",), ("--no-warnings",)),
    ],
)
def test_files_that_are_programs(
    tmp_path: Path, script: str, tests: tuple[str, ...], options: tuple[str, ...]
) -> None:
    names = ("test/a.test.js", "test/b.js", "test/fixtures/c.js", "build.js")
    files = dict.fromkeys(names, "console.log(1);\n")
    project = understand(
        snapshot_of(tmp_path, {**files, "package.json": package(scripts={"test": script})})
    )
    assert isinstance(project, JavaScriptProject)
    assert project.framework is Framework.PROGRAMS
    assert (project.tests.files, project.tests.node_options) == (tests, options)
    assert "each file of tests as a program: its exit status counts" in project.why[0]


@pytest.mark.parametrize(
    ("fields", "framework", "why"),
    [
        (
            {"scripts": {"test": "own-tool test"}, "devDependencies": {"vitest": "4"}},
            Framework.VITEST,
            "no script of package.json says what runs the tests, and vitest is a dependency",
        ),
        ({"devDependencies": {"jest": "30", "xo": "1"}}, Framework.JEST, "jest is a dependency"),
        (
            {"scripts": {"test": "turbo run lint", "test:unit": "mocha src"}},
            Framework.MOCHA,
            "the script `test:unit` of package.json runs mocha",
        ),
        ({"devDependencies": {"jest": "30", "vitest": "4"}}, None, ""),
        ({"devDependencies": {"jest": "30", "ava": "6"}}, None, ""),
        ({"scripts": {"test": "ava"}, "devDependencies": {"jest": "30"}}, None, ""),
        ({"devDependencies": {"xo": "1"}}, None, ""),
    ],
)
def test_what_runs_the_tests_where_the_script_does_not_say(
    tmp_path: Path, fields: dict[str, dict[str, str]], framework: Framework | None, why: str
) -> None:
    files = {"package.json": package(**fields), "src/a.test.js": "it('a', () => {});\n"}
    project = understand(snapshot_of(tmp_path, files))
    if framework is None:
        assert not project.has_tests
        return
    assert isinstance(project, JavaScriptProject)
    assert project.framework is framework
    assert project.tests.files == ("src/a.test.js",)
    assert why in project.why[0]


def test_a_framework_without_a_file_of_tests_is_none(tmp_path: Path) -> None:
    files = {"package.json": package(devDependencies={"jest": "30"}), "src/a.js": "1;\n"}
    assert not understand(snapshot_of(tmp_path, files)).has_tests


@pytest.mark.parametrize(
    "script",
    [
        "node build.js",
        "node latest.js",
        "node contest/run.js",
        "node attestation.js",
        "node test/run.js unit",
    ],
)
def test_a_program_that_is_no_test_is_not_run(tmp_path: Path, script: str) -> None:
    names = ("build.js", "latest.js", "contest/run.js", "attestation.js", "test/run.js")
    files = {**dict.fromkeys(names, ""), "package.json": package(scripts={"test": script})}
    assert not understand(snapshot_of(tmp_path, files)).has_tests


@pytest.mark.parametrize(
    "path", ["test.js", "tests/a.js", "runTests.js", "my-test.js", "a_test.js"]
)
def test_a_program_whose_name_says_test(tmp_path: Path, path: str) -> None:
    files = {path: "", "package.json": package(scripts={"test": f"node {path}"})}
    assert understand(snapshot_of(tmp_path, files)).has_tests


def test_programs_run_with_the_options_that_most_of_them_have(tmp_path: Path) -> None:
    script = "MODE=ci node test/a.js && node test/b.js && node test/c.js"
    files = dict.fromkeys(("test/a.js", "test/b.js", "test/c.js"), "")
    project = understand(
        snapshot_of(tmp_path, {**files, "package.json": package(scripts={"test": script})})
    )
    assert isinstance(project, JavaScriptProject)
    assert project.tests.files == ("test/b.js", "test/c.js")
    assert project.tests.variables == ()


@pytest.mark.parametrize("framework", ["playwright test", "cypress run", "karma start", "wtr"])
def test_a_suite_that_needs_a_browser_is_told(tmp_path: Path, framework: str) -> None:
    snapshot = snapshot_of(tmp_path, {"package.json": package(scripts={"test": framework})})
    name = framework.partition(" ")[0]
    sentence = f"its tests are run by {name} in a browser, which is not here"
    assert why_untested(snapshot, Overrides()) == sentence


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"package.json": '{"name": '}, "package.json is not valid JSON"),
        ({"package.json": "{}"}, "its package.json has no script `test`"),
        (
            {"package.json": package(scripts={"test": "nodemon --exec x"})},
            "its script `test` (nodemon --exec x) starts no runner of tests that is known",
        ),
        ({"package.json": package(scripts={"test": "a\u001b[1mb"})}, "no script `test` that can"),
        (
            {"package.json": package(scripts={"test": "vitest --browser=chromium"})},
            "run by vitest --browser in a browser, which is not here",
        ),
        (
            {"web/package.json": "{}", "web/node_modules/a/package.json": "{}"},
            "there is no package.json at its top: give its folder web as the target",
        ),
        (
            {"package.json": package(scripts={"test": "node --test no.js"})},
            "no file is a test of node:test by its name",
        ),
        ({"a.js": ""}, ""),
    ],
)
def test_why_no_test_can_be_run(tmp_path: Path, files: Mapping[str, str], sentence: str) -> None:
    snapshot = snapshot_of(tmp_path, {**files, "test/a.test.js": TEST})
    assert not understand(snapshot).has_tests
    why = why_untested(snapshot, Overrides())
    assert sentence in why
    assert bool(why) is bool(sentence)


def test_tests_that_only_a_build_makes_are_told(tmp_path: Path) -> None:
    project = found(tmp_path, "tsc -p . && mocha dist/test")
    assert any(
        "a test in dist/test: what a build makes would see no patch" in n for n in project.notes
    )


def test_tests_in_python_come_first(tmp_path: Path) -> None:
    files = {
        "package.json": package(scripts={"test": "mocha"}),
        "test/a.js": "",
        "tests/test_a.py": "def test_a(): pass\n",
    }
    assert not isinstance(understand(snapshot_of(tmp_path, files)), JavaScriptProject)
    given = understand(snapshot_of(tmp_path / "b", files), Overrides(test="npx mocha test/a.js"))
    assert isinstance(given, JavaScriptProject)
    assert given.tests.given


@pytest.mark.parametrize("command", ["pytest", "pytest && npm test", "python -m pytest; npx mocha"])
def test_a_command_that_starts_tests_of_python_stays_pythons(tmp_path: Path, command: str) -> None:
    files = {
        "package.json": package(scripts={"test": "mocha"}),
        "test/a.js": "",
        "tests/test_a.py": "def test_a(): pass\n",
    }
    given = understand(snapshot_of(tmp_path, files), Overrides(test=command))
    assert not isinstance(given, JavaScriptProject)


@pytest.mark.parametrize(
    "script",
    [
        "mocha --config lib/a.js",
        "jest --config=lib/a.js",
        "jest --setupFiles '<rootDir>/lib/a'",
        "node -r ./lib/a --test",
        "node -r ./lib/a test/a.test.js",
        "node --experimental-loader ./lib/a.js node_modules/mocha/bin/mocha",
    ],
)
def test_what_the_command_loads_first_is_protected(tmp_path: Path, script: str) -> None:
    assert found(tmp_path, script).is_test_path("lib/a.js")


@pytest.mark.parametrize(
    ("script", "arguments", "places"),
    [
        ("vitest", (), ()),
        ("vitest run --coverage --coverage.provider v8", (), ()),
        ("vitest watch --ui --no-color src", (), ("src",)),
        ("vitest --run --reporter=verbose --bail 1 test/a", (), ("test/a",)),
        ("vitest --dir test -t unit --pass-with-no-tests", ("--dir", "test", "-t", "unit"), ()),
        ("vitest related --run lib/a.js", (), ()),
        ("vitest run --typecheck --typecheck.tsconfig other.json", (), ()),
        ("vitest --no-file-parallelism --pool=threads", ("--pool=threads",), ()),
        (
            "vitest --poolOptions.threads.singleThread true",
            ("--poolOptions.threads.singleThread", "true"),
            (),
        ),
    ],
)
def test_what_counts_of_a_command_of_vitest(
    tmp_path: Path, script: str, arguments: tuple[str, ...], places: tuple[str, ...]
) -> None:
    project = found(tmp_path, script, {"src/b.spec.tsx": ""})
    assert project.framework is Framework.VITEST
    assert (project.tests.arguments, project.tests.places) == (arguments, places)
    assert project.tests.files == ("src/b.spec.tsx", "test/a.test.js")


def test_measuring_with_vitest_is_no_test(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, {"package.json": package(scripts={"test": "vitest bench"})})
    assert not understand(snapshot).has_tests


def test_what_settings_of_vitest_name_is_protected(tmp_path: Path) -> None:
    files = {
        "vite.config.ts": """
import { own } from './build/plugin';
export default {
  build: { lib: { entry: 'src/index.ts', formats: ['es'] } },
  resolve: { alias: { '@a': './src/a.ts' } },
  test: {
    coverage: { exclude: ['src/b.ts'] },
    setupFiles: ['./first', `hooks/second.ts`],
    globalSetup: './hooks/third.mts',
  },
};
""",
        **dict.fromkeys(
            ("src/index.ts", "src/a.ts", "src/b.ts", "first.ts", "build/plugin.ts"), ""
        ),
        **dict.fromkeys(("hooks/second.ts", "hooks/third.mts"), ""),
    }
    setup = ("build/plugin.ts", "first.ts", "hooks/second.ts", "hooks/third.mts")
    assert found(tmp_path, "vitest", files).tests.setup == setup


def test_settings_in_a_folder_name_files_from_there(tmp_path: Path) -> None:
    files = {
        "config/jest.config.cjs": "module.exports = { setupFiles: ['./polyfill'], "
        "globalSetup: '../lib/global.js', moduleNameMapper: { '^x$': '<rootDir>/lib/a.js' } };",
        "config/polyfill.js": "",
        "lib/global.js": "",
    }
    project = found(tmp_path, "jest --config config/jest.config.cjs", files)
    assert project.tests.setup == (
        "config/jest.config.cjs",
        "config/polyfill.js",
        "lib/global.js",
    )


@pytest.mark.parametrize(
    "settings",
    [
        "{ coveragePathIgnorePatterns: ['\\\\('], setupFiles: ['./lib/a.js'] }",
        '{"coveragePathIgnorePatterns": ["["], "setupFiles": ["./lib/a.js"]}',
        "{ moduleNameMapper: { // a (\n '^x$': 'y' }, setupFiles: ['./lib/a.js'] }",
        "{ transform: [/\\(/], setupFiles: ['./lib/a.js'] }",
    ],
)
def test_brackets_in_other_values_hide_no_setup(tmp_path: Path, settings: str) -> None:
    files = {"jest.config.js": f"module.exports = {settings};", "lib/a.js": ""}
    assert "lib/a.js" in found(tmp_path, "jest", files).tests.setup


def test_values_of_options_of_jest_are_no_places(tmp_path: Path) -> None:
    project = found(tmp_path, "jest --json --outputFile out.json --coverageThreshold '{}' test")
    assert project.tests.places == ("test",)


def recipe(tmp_path: Path, **fields: object) -> tuple[bool, bool, tuple[str, ...]]:
    fields = {"scripts": {"test": "mocha"}, **fields}
    files = {"package.json": json.dumps(fields), "test/a.js": "", "package-lock.json": "{}"}
    snapshot = snapshot_of(tmp_path, files)
    project = understand(snapshot)
    assert isinstance(project, JavaScriptProject)
    made = write_recipe(project, snapshot)
    return made.needed, made.runs_code, tuple(path for path, _ in made.digests)


def test_what_is_installed_and_who_may_share_it(tmp_path: Path) -> None:
    read = ("package.json", "package-lock.json")
    assert recipe(tmp_path / "a") == (False, False, ())
    assert recipe(tmp_path / "b", devDependencies={"mocha": "^10"}) == (True, False, read)
    own = {"scripts": {"test": "mocha", "prepare": "node build.js"}}
    assert recipe(tmp_path / "c", **own) == (True, True, read)
    for version in ("file:./lib", "./lib", "git+https://example.org/a.git", "github:a/b"):
        folder = tmp_path / str(abs(hash(version)))
        assert recipe(folder, dependencies={"a": version}) == (True, True, read)
    assert recipe(tmp_path / "w", workspaces=["packages/*"]) == (True, True, read)


PLAIN = {"version": "1.0.0", "resolved": "https://a.example/b.tgz", "integrity": "sha512-x"}


@pytest.mark.parametrize(
    ("lock", "is_shared"),
    [
        ({"packages": {"": {}, "node_modules/a": PLAIN}}, True),
        ({"packages": {"node_modules/a": {**PLAIN, "dependencies": {"b": "^1"}}}}, True),
        ({"packages": {"node_modules/a/node_modules/b": {"inBundle": True}}}, True),
        ({"packages": {"node_modules/a": {"resolved": "https://a.example/b.tgz"}}}, False),
        ({"packages": {"node_modules/a": {"resolved": "lib/a", "link": True}}}, False),
        ({"packages": {"node_modules/a": "x"}}, False),
        ({"dependencies": {"a": {**PLAIN, "requires": {"b": "1"}}}}, True),
        ({"dependencies": {"a": {**PLAIN, "dependencies": {"b": {"version": "1"}}}}}, False),
        ({"dependencies": {"a": {"version": "git+ssh://a.example/b.git#0"}}}, False),
    ],
)
def test_only_what_hashes_decide_is_shared(
    tmp_path: Path, lock: dict[str, object], is_shared: bool
) -> None:
    files = {
        "package.json": package(scripts={"test": "mocha"}, devDependencies={"a": "^1"}),
        "package-lock.json": json.dumps(lock),
        "test/a.js": "",
    }
    snapshot = snapshot_of(tmp_path, files)
    project = understand(snapshot)
    assert isinstance(project, JavaScriptProject)
    assert write_recipe(project, snapshot).runs_code is not is_shared


def test_tape_stands_behind_any_other_framework(tmp_path: Path) -> None:
    script = "tape test/b.js && mocha"
    files = {
        "test/a.test.js": TEST,
        "test/b.js": "",
        "package.json": package(scripts={"test": script}),
    }
    project = understand(snapshot_of(tmp_path, files))
    assert isinstance(project, JavaScriptProject)
    assert project.framework is Framework.MOCHA
