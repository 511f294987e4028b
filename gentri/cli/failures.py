"""What commands raise, as messages and exit codes."""

import json
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from gentri.cli.options import wants_json
from gentri.errors import ExitCode, GentriError
from gentri.pipeline.guards import terminate_as_interrupt


class CommandGroup(TyperGroup):
    """Commands whose refusals end in a message, a hint and an exit code, without a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run the chosen command."""
        try:
            with terminate_as_interrupt():
                return super().invoke(ctx)
        except GentriError as error:
            _leave(ctx, error.message, error.hint, error.exit_code)
        except KeyboardInterrupt:
            hint = "give the same command again to go on from there"
            _leave(ctx, "interrupted; finished chunks are kept", hint, ExitCode.INTERRUPTED)


def _leave(context: typer.Context, message: str, hint: str, code: ExitCode) -> NoReturn:
    print(f"gentri: {printable(message)}", file=sys.stderr)
    if hint:
        print(f"  → {printable(hint)}", file=sys.stderr)
    if wants_json(context):
        print(json.dumps({"error": {"message": message, "hint": hint, "exit_code": int(code)}}))
    raise typer.Exit(int(code))


def printable(text: str) -> str:
    """The text with the control characters that a file name may hold made visible."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
