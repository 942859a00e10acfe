"""Errors of the models.

ModelError
├── ModelUnavailable        the server is down, slow or answers nonsense (retryable)
├── ContextWindowExceeded   the prompt does not fit; knows both sizes where they are known
├── MalformedCompletion     a record that is not a completion (a damaged script, a foreign file)
├── ScriptExhausted         a scripted model was asked more often than its file has answers
├── GenerationCancelled     scoring or loading was cancelled (of `generate` it is a finish reason)
└── ModelUnusable           this model cannot be run here, as it stands
    ├── NoWeights           nothing to load at the path
    ├── CheckpointUnreadable  there is something, but damaged or of an unknown kind
    ├── ModelDoesNotFit     needs more memory than there is
    ├── TemplateWithoutTools
    ├── RequestRefused      the server does not take the request, the key or the model's name
    ├── ScoringUnsupported  the server gives no log-probabilities of a prompt
    └── MissingPackage      the `model` extra is not installed

A tool call the model wrote badly is a value (`Completion.format_errors`), not an error.
"""

from __future__ import annotations


class ModelError(Exception):
    """Root of the tree. `retryable` says whether the same call may succeed later unchanged."""

    retryable = False


class ModelUnavailable(ModelError):
    """The model's server cannot be used now; the message says what was tried and what came."""

    retryable = True
    retry_after_seconds: float | None = None
    """How long the server asked to be left alone."""
    server_is_away = False
    """True where nobody answers, or the server says that it is not ready: it may be starting."""


class ContextWindowExceeded(ModelError):
    """The prompt (with room for an answer) is longer than the model's context."""

    def __init__(
        self, message: str, *, tokens: int | None = None, window: int | None = None
    ) -> None:
        super().__init__(message)
        self.tokens = tokens
        """Prompt tokens asked for; None where the server did not say."""
        self.window = window
        """Tokens the model can hold; None where the server did not say."""


class MalformedCompletion(ModelError):
    """The data read is not a completion; the message says where it stands and why."""


class ScriptExhausted(ModelError):
    """The script has no answer left for this question."""


class GenerationCancelled(ModelError):
    """The caller wanted an end while candidates were scored, or the model was loaded."""


class ModelUnusable(ModelError):
    """Something about the model or this machine has to change first; the message says what."""


class NoWeights(ModelUnusable):
    """There are no model files at the path given."""


class CheckpointUnreadable(ModelUnusable):
    """The files of the checkpoint cannot be read; the message holds the library's words."""


class ModelDoesNotFit(ModelUnusable):
    """The model, or one request to it, needs more memory than the device has."""


class TemplateWithoutTools(ModelUnusable):
    """The tokenizer has no chat template, or one that ignores the tools it is given."""


class RequestRefused(ModelUnusable):
    """The server answers, but not this request; the message holds its own words."""


class ScoringUnsupported(ModelUnusable):
    """The server cannot give the log-probabilities of text it did not generate."""


class MissingPackage(ModelUnusable):
    """A package of the `model` extra is not installed; the message holds the command."""
