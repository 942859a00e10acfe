"""Names of the files in which the tools of JavaScript are told what to do: one list, for who reads
them and for who watches that no run makes one."""

from __future__ import annotations

from sandbox.languages.javascript.detection.project import Framework

_PROGRAMS = ("js", "cjs", "mjs", "ts", "cts", "mts")


def _config(name: str, *more: str) -> tuple[str, ...]:
    return tuple(f"{name}.{end}" for end in (*_PROGRAMS, *more))


CONFIGURATION = {
    Framework.NODE_TEST: (),
    Framework.PROGRAMS: (),
    Framework.MOCHA: (
        *(".mocharc.js", ".mocharc.cjs", ".mocharc.mjs", ".mocharc.json", ".mocharc.jsonc"),
        *(".mocharc.yaml", ".mocharc.yml"),
    ),
    Framework.JEST: _config("jest.config", "json"),
    Framework.VITEST: (
        *_config("vitest.config"),
        *_config("vite.config"),
        *_config("vitest.workspace", "json"),
        *_config("vitest.projects", "json"),
    ),
}
"""Framework → the files that it reads by itself."""
COMPILERS = (
    *_config("babel.config", "json"),
    *(".babelrc", ".babelrc.js", ".babelrc.cjs", ".babelrc.mjs", ".babelrc.json", ".swcrc"),
)
"""What the compilers behind the frameworks read by themselves."""
READ_BY_ITSELF = frozenset(
    (*(name for names in CONFIGURATION.values() for name in names), *COMPILERS)
)
