"""What the user asks for, as typed; `job` checks it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.records import Budget, RepairJob
from cli.delivery.branch import check_branch_name
from cli.errors import BadInput
from cli.options import arguments, options
from sandbox.git.login import Login

if TYPE_CHECKING:
    from agent.runs.verification_terms import Terms


@dataclass(frozen=True, kw_only=True)
class DisplayOptions:
    """How the user wants to see the run."""

    as_json: options.JsonFlag = False
    verbose: options.VerboseFlag = False


@dataclass(frozen=True, kw_only=True)
class DeliveryOptions:
    """What the user asked to be done with the patch."""

    output: options.Output = None
    apply: options.Apply = False
    apply_repaired: options.ApplyRepaired = False
    branch: options.Branch = None
    sarif: options.Sarif = None

    def check(self) -> None:
        """Raises BadInput for the first that cannot be used."""
        given_options = self._writing
        if len(given_options) > 1:
            raise BadInput(
                f"{' and '.join(given_options)} cannot be used together: each says what becomes of "
                "the patch. Give one of them."
            )
        arguments.check_output(self.output)
        arguments.check_output(self.sarif, "--sarif")
        if self.branch is not None:
            check_branch_name(self.branch)

    @property
    def writes(self) -> str | None:
        """The option that needs a local folder, if one was given."""
        return next(iter(self._writing), None)

    @property
    def _writing(self) -> list[str]:
        flags = {
            "--apply": self.apply,
            "--apply-repaired": self.apply_repaired,
            "--branch": self.branch is not None,
        }
        return [option for option, is_given in flags.items() if is_given]


@dataclass(frozen=True, kw_only=True)
class LocalizeRequest:
    """The target, tests and sandbox of `repair localize`."""

    target: options.Repository
    at: options.At = None
    root: options.Root = None
    install: options.Install = None
    test: options.TestCommand = None
    env: options.Env = None
    python: options.Python = None
    only: options.Only = None
    issue: options.Issue = None
    max_seconds: options.LocalizeSeconds = Budget.max_seconds
    sandbox: options.SandboxName = "auto"
    runtime: options.Runtime = None
    allow_host: options.AllowHost = None

    @property
    def login(self) -> Login | None:
        """For fetching the target: `job` holds neither user nor password."""
        return arguments.login_of(self.target)

    def job(self, delivery_options: DeliveryOptions) -> RepairJob:
        """The job that the options ask for.

        Raises BadInput with a sentence for the first value that cannot be used.
        """
        from agent.runs.folder import new_run_id  # with the settings, and Pydantic

        arguments.check_target(self.target, writes=delivery_options.writes)
        delivery_options.check()
        target = arguments.lasting_target(self.target)
        return RepairJob(
            run_id=new_run_id(),
            target=target,
            root=arguments.check_root(self.root, target),
            at=self.at,
            install=self.install,
            test=self.test,
            env=arguments.check_env(self.env),
            python=arguments.check_python(self.python),
            only=tuple(self.only or ()),
            problem_statement=arguments.problem_statement(self.issue),
            sandbox=arguments.check_sandbox(self.sandbox),
            budget=Budget(max_seconds=arguments.check_seconds(self.max_seconds)),
        )


@dataclass(frozen=True, kw_only=True)
class VerifyRequest:
    """Where and how a verdict is taken again; the result file may choose none of it."""

    repository: options.VerifiedRepository = None
    at: options.VerifyAt = None
    install: options.Install = None
    test: options.TestCommand = None
    env: options.Env = None
    python: options.VerifyPython = None
    its_tests: options.ItsTests = False
    max_seconds: options.VerifySeconds = None
    sandbox: options.VerifySandbox = None
    runtime: options.Runtime = None
    allow_host: options.AllowHost = None

    def terms(self) -> Terms:
        """The terms of a verification.

        Raises BadInput with a sentence for the first value that cannot be used.
        """
        from agent.runs.verification_terms import Terms  # likewise

        target, login = self.repository, None
        if target is not None:
            arguments.check_target(target, writes=None)
            target, login = arguments.lasting_target(target), arguments.login_of(target)
        return Terms(
            target=target,
            login=login,
            at=self.at,
            install=self.install,
            test=self.test,
            env=self._env(),
            python=arguments.check_python(self.python),
            sandbox=None if self.sandbox is None else arguments.check_sandbox(self.sandbox),
            its_tests=self.its_tests,
            max_seconds=self._seconds(),
        )

    def _seconds(self) -> float | None:
        return None if self.max_seconds is None else arguments.check_seconds(self.max_seconds)

    def _env(self) -> dict[str, str] | None:
        """None where nothing was said; a single empty word asks for no variable at all."""
        return None if self.env is None else arguments.check_env([e for e in self.env if e])


@dataclass(frozen=True, kw_only=True)
class RepairRequest(LocalizeRequest):
    """What to repair, by whom, and how much may be spent on it."""

    max_seconds: options.MaxSeconds = Budget.max_seconds
    max_candidates: options.MaxCandidates = Budget.max_candidates
    model: options.Model = None
    model_url: options.ModelUrl = None
    conversations: options.Conversations = 1
    max_tokens: options.MaxTokens = Budget.max_tokens
    max_turns: options.MaxTurns = Budget.max_turns
    search_seconds: options.SearchSeconds = Budget.search_seconds

    def job(self, delivery_options: DeliveryOptions) -> RepairJob:
        """The job that the options ask for.

        Raises BadInput with a sentence for the first value that cannot be used.
        """
        job = super().job(delivery_options)
        return replace(
            job,
            budget=replace(
                job.budget,
                max_candidates=arguments.check_candidates(self.max_candidates),
                max_tokens=arguments.check_count(self.max_tokens, "--max-tokens"),
                max_turns=arguments.check_count(self.max_turns, "--max-turns"),
                search_seconds=arguments.check_search_seconds(self.search_seconds),
            ),
            model=arguments.check_model(self.model, self.model_url),
            model_url=arguments.check_model_url(self.model_url),
            conversations=arguments.check_count(self.conversations, "--candidates", 32),
        )
