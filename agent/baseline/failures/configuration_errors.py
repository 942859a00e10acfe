"""Configuration errors: a setting that the project's tests need and this machine does not give."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.baseline.failures.environment_failures import Cause, EnvironmentFailure
from agent.untrusted_text import printable
from sandbox.runners.base import TestResult

_ENVIRON = re.compile(r"(?:<frozen os>|\bos\.py)\"?(?::|, line )\d+[:,] in __getitem__")
_KEY = re.compile(r"KeyError: '([A-Za-z_]\w*)'")
_SETTINGS_FIELDS = re.compile(r"^(?:E\s+)?(\w+)\s*\n(?:E\s+)?\s+Field required", re.M)
_NAMED = (
    # django-environ, environs, python-decouple, starlette; and what people write themselves
    re.compile(r"ImproperlyConfigured: Set the ['\"]?(\w+)['\"]? environment variable"),
    re.compile(r"[Ee]nvironment variable ['\"`]?([A-Za-z_]\w*)['\"`]? (?:is )?not (?:set|found)"),
    re.compile(r"UndefinedValueError: (\w+) not found"),
    re.compile(r"KeyError: \"Config '(\w+)' is missing, and has no default"),
    re.compile(
        r"(?:Error|Exception|Configured)\b[^\n]*?\b(?:[Mm]issing|[Ss]et|[Dd]efine|[Rr]equire[sd]?)\b"
        r"[^\n]*?environment variable:? ['\"`]?([A-Z][A-Z0-9_]{2,})\b"
    ),
    re.compile(
        r"(?:Error|Exception|Configured): ['\"`]?([A-Z][A-Z0-9_]{2,})['\"`]? "
        r"(?:environment variable )?(?:is not set|not set|must be set|is required|is missing)"
    ),
)
_DJANGO = re.compile(
    r"ImproperlyConfigured: (?:Requested setting|The ([A-Z_]+) setting must not be empty)"
    r"|AppRegistryNotReady: Apps aren't loaded yet"
)


def configuration_error(text: str) -> EnvironmentFailure | None:
    """The setting for want of which something failed, by its message and traceback."""
    if (key := _KEY.search(text)) and _ENVIRON.search(text):
        return _missing(f"the environment variable `{key[1]}`", f"{key[1]}=VALUE")
    for pattern in _NAMED:
        if match := pattern.search(text):
            return _missing(f"the environment variable `{match[1]}`", f"{match[1]}=VALUE")
    if "ValidationError" in text and "pydantic_settings" in text:
        fields = list(dict.fromkeys(_SETTINGS_FIELDS.findall(text)))[:5]
        if fields:
            pairs = " --env ".join(f"{name.upper()}=VALUE" for name in fields)
            return _missing(f"the settings {', '.join(fields)}", pairs)
    if match := _DJANGO.search(text):
        name = f"Django's setting {match[1]}" if match[1] else "Django's settings"
        return _missing(name, "DJANGO_SETTINGS_MODULE=PACKAGE.SETTINGS")
    return None


def shared_configuration_error(
    failures: Mapping[str, TestResult], uncollected: int, passing: int
) -> dict[str, EnvironmentFailure]:
    """Failing test or file → the setting that is missing, where that one setting ends most tests.

    One test alone that looks for a variable may be right to: its code reads the wrong one. So
    there must be two, or a file that could not even be collected, and fewer that pass.
    """
    errors = {
        test_id: error
        for test_id, result in failures.items()
        if (error := configuration_error(f"{result.message}\n{result.details}"))
    }
    by_sentence: dict[str, list[str]] = {}
    for test_id, error in errors.items():
        by_sentence.setdefault(error.sentence, []).append(test_id)
    most = max(by_sentence.values(), key=len, default=[])
    if len(most) <= passing or (len(most) < 2 and not uncollected):
        return {}
    return {test_id: errors[test_id] for test_id in most}


def _missing(name: str, pairs: str) -> EnvironmentFailure:
    return EnvironmentFailure(
        Cause.CONFIGURATION,
        f"the tests need {printable(name)}; give it with --env {printable(pairs)}",
    )
