"""What commands raise, as messages and exit codes."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, NoReturn, cast

import typer
from typer.core import TyperGroup

from gentri.errors import ExitCode, GentriError
from gentri.pipeline.guards import explain_disk_errors, terminate_as_interrupt

# What the parser of the command line raises: of the package Click in older releases of Typer, of
# its own copy in later ones.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)

_JSON, _FORCE = "gentri.json", "gentri.force"


class CommandGroup(TyperGroup):
    """Commands whose refusals end in a message, a hint and an exit code, without a traceback."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """Read the options in front of the command; note what a failure of it has to know."""
        options = {word.partition("=")[0] for word in takewhile(lambda word: word != "--", args)}
        ctx.meta.update({_JSON: "--json" in options, _FORCE: "--force" in options})
        with _explained(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:
        """Run the chosen command."""
        with _explained(ctx), terminate_as_interrupt(), explain_disk_errors():
            return super().invoke(ctx)


class Notices(logging.Handler):
    """Prints what the library logs, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        print(f"gentri: {printable(record.getMessage())}", file=sys.stderr, flush=True)


@contextmanager
def _explained(context: typer.Context) -> Iterator[None]:
    try:
        yield
    except GentriError as error:
        _leave(context, error.message, error.hint, error.exit_code)
    except KeyboardInterrupt:
        _leave(context, *_interrupted(context), ExitCode.INTERRUPTED)
    except _UsageError as error:
        _answer(context, error.format_message(), "--help lists the options", ExitCode.USAGE)
        raise  # Typer has words of its own for people


def _interrupted(context: typer.Context) -> tuple[str, str]:
    """What is left of a command that was interrupted, and what to do."""
    if context.invoked_subcommand == "eval":
        return "interrupted; nothing is kept", "give the same command again to begin anew"
    again = "give the same command again to go on from there"
    if context.invoked_subcommand == "train":
        return "interrupted; examples and the last checkpoint are kept", again
    hint = f"{again}, without --force for what is done" if context.meta[_FORCE] else again
    return "interrupted; finished chunks are kept", hint


def _leave(context: typer.Context, message: str, hint: str, code: ExitCode) -> NoReturn:
    print(f"gentri: {printable(message)}", file=sys.stderr)
    if hint:
        print(f"  → {printable(hint)}", file=sys.stderr)
    _answer(context, message, hint, code)
    raise typer.Exit(int(code))


def _answer(context: typer.Context, message: str, hint: str, code: ExitCode) -> None:
    """Tell a machine, where one asks."""
    if context.meta[_JSON]:
        print(json.dumps({"error": {"message": message, "hint": hint, "exit_code": int(code)}}))


def printable(text: str) -> str:
    """The text with the control characters that a file name may hold made visible."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
