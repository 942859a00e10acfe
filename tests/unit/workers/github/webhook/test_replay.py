"""Of which event a recorded delivery is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.github_payloads import labelled
from workers.forges.errors import DeliveryRefused
from workers.github.webhook.replay import read_recorded


def recorded(folder: Path, document: object) -> Path:
    folder.mkdir()
    path = folder / "delivery.json"
    path.write_text(json.dumps(document))
    return path


def test_the_folder_the_file_or_the_caller_says_it(tmp_path: Path) -> None:
    plain = recorded(tmp_path / "issues", labelled())
    assert read_recorded(plain, None).event == "issues"
    assert read_recorded(plain, "check_suite").event == "check_suite"
    named = recorded(tmp_path / "named", {"event": "issues", "payload": labelled(7)})
    assert read_recorded(named, None).event == "issues"
    assert read_recorded(named, None).payload["issue"]["number"] == 7


@pytest.mark.parametrize("document", [labelled(), {"event": "", "payload": labelled()}])
def test_where_nothing_says_it_the_option_is_named(tmp_path: Path, document: object) -> None:
    path = recorded(tmp_path / "downloads", document)
    with pytest.raises(DeliveryRefused, match="--event issues"):
        read_recorded(path, None)
    assert read_recorded(path, "issues").event == "issues"
