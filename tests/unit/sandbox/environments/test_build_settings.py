"""What the key of an environment says of where its packages come from."""

from __future__ import annotations

from pathlib import Path

from sandbox.environments.build_settings import BuildSettings


def test_no_password_of_an_index_is_part_of_a_key(tmp_path: Path) -> None:
    settings = BuildSettings(
        cache_dir=tmp_path,
        use_pip_configuration=False,
        index_url="https://me:s3cret@packages.example/simple/@scope",
        extra_index_urls=("https://token@other.example/simple", "http://[::1]:8080/simple"),
        find_links=("/srv/wheels@2", "https://me:s3cret@packages.example"),
    )
    assert settings.package_sources() == (
        "https://packages.example/simple/@scope",
        "https://other.example/simple",
        "http://[::1]:8080/simple",
        "-f",
        "/srv/wheels@2",
        "https://packages.example",
    )
