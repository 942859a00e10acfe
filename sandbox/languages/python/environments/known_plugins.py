"""Plugins of pytest by what tests say when they use them: a marker, a fixture, a setting."""

from __future__ import annotations

SETTINGS = {
    "asyncio_mode": "pytest-asyncio",
    "asyncio_default_fixture_loop_scope": "pytest-asyncio",
    "anyio_mode": "anyio",
    "trio_mode": "pytest-trio",
    "DJANGO_SETTINGS_MODULE": "pytest-django",
}
MARKERS = {
    "asyncio": "pytest-asyncio",
    "anyio": "anyio",
    "trio": "pytest-trio",
    "django_db": "pytest-django",
    "httpx_mock": "pytest-httpx",
    "respx": "respx",
    "freeze_time": "pytest-freezer",
    "benchmark": "pytest-benchmark",
    "dependency": "pytest-dependency",
    "datafiles": "pytest-datafiles",
}
FIXTURES = {
    **dict.fromkeys(
        ("mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"),
        "pytest-mock",
    ),
    **dict.fromkeys(("benchmark", "benchmark_weave"), "pytest-benchmark"),
    **dict.fromkeys(("unused_tcp_port", "unused_tcp_port_factory"), "pytest-asyncio"),
    **dict.fromkeys(("anyio_backend", "anyio_backend_name"), "anyio"),
    **dict.fromkeys(("nursery", "autojump_clock", "mock_clock"), "pytest-trio"),
    **dict.fromkeys(("aiohttp_client", "aiohttp_server", "aiohttp_raw_server"), "pytest-aiohttp"),
    **dict.fromkeys(("datadir", "shared_datadir", "original_datadir"), "pytest-datadir"),
    **dict.fromkeys(
        ("data_regression", "file_regression", "num_regression", "dataframe_regression"),
        "pytest-regressions",
    ),
    **dict.fromkeys(("django_db_setup", "django_user_model", "live_server"), "pytest-django"),
    **dict.fromkeys(("fake_process", "fake_subprocess"), "pytest-subprocess"),
    "snapshot": "syrupy",
    "freezer": "pytest-freezer",
    "httpx_mock": "pytest-httpx",
    "respx_mock": "respx",
    "requests_mock": "requests-mock",
    "httpserver": "pytest-httpserver",
    "time_machine": "time-machine",
    "subtests": "pytest-subtests",
    "faker": "faker",
    "image_regression": "pytest-regressions",
    "datafiles": "pytest-datafiles",
}
"""Of plugins that bring it under this name; where several do, the most used one."""
INSTEAD = {
    "pytest-benchmark": ("pytest-codspeed",),
    "pytest-freezer": ("pytest-freezegun", "pytest-freeze"),
    "pytest-httpserver": ("pytest-localserver",),
    "syrupy": ("pytest-snapshot", "snapshottest", "inline-snapshot"),
    "pytest-snapshot": ("syrupy", "snapshottest"),
    "pytest-mock": ("pytest-mockito",),
}
"""Plugins that bring the same names."""
