"""Small projects for the verdict: real files, a real sandbox, a real pytest."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.baseline.baseline import take_baseline
from agent.baseline.test_runs import BaselineLimits
from agent.patches.changes import edits_between
from agent.records import CandidatePatch, Verdict
from agent.validation.validation_context import ValidationContext
from agent.validation.validator import calibrate, judge_by_running, validate_candidate
from sandbox.base import Environment, Limits, Sandbox, Session
from sandbox.engines.bubblewrap import BubblewrapSandbox
from sandbox.engines.pool import Pool
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_settings import BuildSettings
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.machine_identity import MachineIdentity
from sandbox.runners.base import TestRunner
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import TarWriter
from sandbox.source import SourceEdit
from tests.support.own_plugins import OWN_PLUGINS_OFF


class Layout:
    """Tests lie in `tests/` and are called `test_*.py`."""

    def is_test_path(self, path: str) -> bool:
        return path.startswith("tests/") or path.rpartition("/")[2].startswith("test_")

    def is_config_path(self, path: str) -> bool:
        return path.rpartition("/")[2] in ("conftest.py", "pytest.ini", "setup.cfg", "tox.ini")

    def holds_pinned_examples(self, path: str) -> bool:
        return path.endswith("examples.py")


def snapshot_of(
    files: Mapping[str, bytes], folder: Path, links: Mapping[str, str] | None = None
) -> Snapshot:
    """A snapshot of files, and of symbolic links, that are nowhere else."""
    tar = folder / "base.tar"
    with tar.open("wb") as stream:
        writer = TarWriter(stream)
        for path in sorted(files):
            writer.add_file(path, files[path], executable=False)
        for path, target in (links or {}).items():
            writer.add_link(path, target)
        digest = writer.finish()
    return Snapshot(tar=tar, digest=digest, name="case", entries=writer.entries)


def this_environment() -> Environment:
    """The virtual environment these tests run in: it has pytest."""
    version = sys.version_info
    return Environment(
        key="own",
        python=sys.executable,
        python_version=(version.major, version.minor, version.micro),
        root=Path(sys.prefix),
    )


def strongest_sandbox(cache: Path) -> Sandbox:
    settings = BuildSettings(cache_dir=cache)
    if shutil.which("bwrap") is not None:
        return BubblewrapSandbox(settings)
    return ProcessSandbox(settings)


def pytest_runner(python: str = sys.executable) -> TestRunner:
    return PytestRunner(PytestSetup(python=python, addopts=OWN_PLUGINS_OFF))


@dataclass(frozen=True)
class Case:
    """A project in its court, ready to judge candidates."""

    files: Mapping[str, bytes]
    validation: ValidationContext

    def candidate(self, changes: Mapping[str, str]) -> CandidatePatch:
        """A patch that gives these files this text; a path the base lacks is a new file."""
        edits: list[SourceEdit] = []
        for path, text in changes.items():
            edits += edits_between(path, self.files.get(path, b""), text.encode())
        return CandidatePatch(
            edits=tuple(edits), proposer="search", operator="test", description="test"
        )

    def validate(self, changes: Mapping[str, str]) -> Verdict:
        return validate_candidate(self.candidate(changes), self.validation)

    def validate_without_policy(self, changes: Mapping[str, str]) -> Verdict:
        """The same candidate where only running it speaks."""
        pairs = {path: (self.files.get(path), text.encode()) for path, text in changes.items()}
        return judge_by_running(pairs, self.validation)


@contextmanager
def open_case(
    files: Mapping[str, str | bytes],
    runner: TestRunner | None = None,
    place: tuple[Sandbox, Environment] | None = None,
    links: Mapping[str, str] | None = None,
) -> Iterator[Case]:
    """Take the baseline of a project and open its court, in the strongest sandbox without an
    engine or in the `place` given."""
    content = {
        path: text.encode() if isinstance(text, str) else text for path, text in files.items()
    }
    with tempfile.TemporaryDirectory(prefix="repair-case-") as folder:
        snapshot = snapshot_of(content, Path(folder), links)
        if place is None:
            place = strongest_sandbox(Path(folder, "cache")), this_environment()
        sandbox, environment = place

        def session(identity: MachineIdentity | None = None) -> Session:
            limits = Limits(memory_bytes=1 << 30)
            return sandbox.open(environment, snapshot.tar, limits, identity)

        runner = runner or pytest_runner(environment.python)
        evidence = take_baseline(
            session,
            runner,
            modules={"calc", "pkg"},
            is_test_path=Layout().is_test_path,
            limits=BaselineLimits(test_seconds=5, whole_seconds=60, reruns=1),
        )
        split_run = Pool(lambda: session(MachineIdentity.random(snapshot.name)), size=1)
        with closing(Pool(session)) as pool, closing(split_run):
            validation = ValidationContext(
                open_session=pool.take,
                open_answering=split_run.take,
                python=environment.python,
                runner=runner,
                base=snapshot,
                rules=Layout(),
                evidence=evidence,
            )
            yield Case(content, calibrate(validation))
