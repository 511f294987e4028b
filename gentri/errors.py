"""Every failure that gentri explains to a person, and the one table of exit codes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns to the shell."""

    DONE = 0
    REFUSED = 1  # nothing was published; the message says the cause and the next action
    USAGE = 2  # the command line or a settings file could not be understood
    POOR = 3  # finished, but the result is not to be trusted; the report says why
    INTERRUPTED = 130  # Ctrl-C or SIGTERM; finished chunks are kept


class GentriError(Exception):
    """A refusal that a person can act on.

    Args:
        message: what was found and what is needed.
        hint: what to do next.
    """

    exit_code = ExitCode.REFUSED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message}\n  → {hint}")
        self.message = message
        self.hint = hint


class UsageError(GentriError):
    """A command, a setting or a name that gentri does not know."""

    exit_code = ExitCode.USAGE

    @classmethod
    def unknown(cls, kind: str, name: str, known: Iterable[str]) -> "UsageError":
        """The refusal of a name, with the nearest known one."""
        known = tuple(known)
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
        return cls(f"unknown {kind}: {name}", hint)


class InputError(GentriError):
    """A video, folder or file that cannot serve as input."""


class SessionError(GentriError):
    """A session that is in use, belongs to other videos or cannot be written."""


class WeightsError(GentriError):
    """Model weights that are absent, incomplete or not what their digest says."""


class CalibrationError(GentriError):
    """Cameras that cannot be estimated from what was seen."""


class TrainingError(GentriError):
    """A training from which nothing came."""


class PoorResultWarning(UserWarning):
    """A result that is finished but not to be trusted; the text says why."""


class UsableResultWarning(UserWarning):
    """A result that serves, but less accurately than usual; the text says why."""


@contextmanager
def or_without(option: str) -> Iterator[None]:
    """Tell in a refusal how to go on without the cause: it stands in session.toml by then.

    Args:
        option: as one writes it on the command line.
    """
    try:
        yield
    except GentriError as error:
        raise type(error)(error.message, f"{error.hint}; or go on without it: {option}") from error
