"""What the user asks for, as typed; `job` checks it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.records import Budget, RepairJob
from cli.delivery.branch import check_branch_name
from cli.options import arguments, options

if TYPE_CHECKING:
    from agent.runs.verification_terms import Terms


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How the user wants to see the run."""

    as_json: options.JsonFlag = False
    verbose: options.VerboseFlag = False


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the user asked to be done with the patch."""

    output: options.Output = None
    apply: options.Apply = False
    branch: options.Branch = None

    @property
    def writes(self) -> str | None:
        """The option that needs a local folder, if one was given."""
        return "--branch" if self.branch else "--apply" if self.apply else None


@dataclass(frozen=True, kw_only=True)
class LocalizeRequest:
    """The target, tests and sandbox of `repair localize`."""

    target: options.Repository
    at: options.At = None
    install: options.Install = None
    test: options.TestCommand = None
    env: options.Env = None
    python: options.Python = None
    only: options.Only = None
    issue: options.Issue = None
    max_seconds: options.MaxSeconds = Budget.max_seconds
    sandbox: options.SandboxName = "auto"
    runtime: options.Runtime = None
    allow_host: options.AllowHost = None

    def job(self, wish: Wish) -> RepairJob:
        """The job that the options ask for.

        Raises BadInput with a sentence for the first value that cannot be used.
        """
        from agent.runs.folder import new_run_id  # with the settings, and Pydantic

        arguments.check_target(self.target, writes=wish.writes)
        arguments.check_output(wish.output)
        if wish.branch is not None:
            check_branch_name(wish.branch)
        return RepairJob(
            run_id=new_run_id(),
            target=arguments.lasting_target(self.target),
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
    at: options.At = None
    install: options.Install = None
    test: options.TestCommand = None
    env: options.Env = None
    python: options.Python = None
    its_tests: options.ItsTests = False
    sandbox: options.VerifySandbox = None
    runtime: options.Runtime = None
    allow_host: options.AllowHost = None

    def terms(self) -> Terms:
        """The terms of a verification.

        Raises BadInput with a sentence for the first value that cannot be used.
        """
        from agent.runs.verification_terms import Terms  # likewise

        target = self.repository
        if target is not None:
            arguments.check_target(target, writes=None)
            target = arguments.lasting_target(target)
        return Terms(
            target=target,
            at=self.at,
            install=self.install,
            test=self.test,
            env=self._env(),
            python=arguments.check_python(self.python),
            sandbox=None if self.sandbox is None else arguments.check_sandbox(self.sandbox),
            its_tests=self.its_tests,
        )

    def _env(self) -> dict[str, str] | None:
        """None where nothing was said; a single empty word asks for no variable at all."""
        return None if self.env is None else arguments.check_env([e for e in self.env if e])


@dataclass(frozen=True, kw_only=True)
class RepairRequest(LocalizeRequest):
    """What to repair, by whom, and how much may be spent on it."""

    max_candidates: options.MaxCandidates = Budget.max_candidates
    model: options.Model = None
    model_url: options.ModelUrl = None
    conversations: options.Conversations = 1
    max_tokens: options.MaxTokens = Budget.max_tokens
    max_turns: options.MaxTurns = Budget.max_turns
    search_seconds: options.SearchSeconds = Budget.search_seconds

    def job(self, wish: Wish) -> RepairJob:
        """The job that the options ask for.

        Raises BadInput with a sentence for the first value that cannot be used.
        """
        job = super().job(wish)
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
            model_url=self.model_url,
            conversations=arguments.check_count(self.conversations, "--candidates", 32),
        )
