"""The program `gentri` and its commands."""

import logging
import sys
from typing import Annotated

import typer

import gentri
from gentri.cli import clean, config, evaluate, run, status, train, weights
from gentri.cli.failures import CommandGroup, Notices

app = typer.Typer(
    name="gentri",
    cls=CommandGroup,
    help="3D human motion from ordinary videos of several uncalibrated cameras.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run.run)
for stage_name, summary in run.STAGE_COMMANDS.items():
    app.command(stage_name, help=summary)(run.until(stage_name))
app.command()(status.status)
app.command()(config.config)
app.add_typer(weights.app)
app.command()(train.train)
app.command("eval")(evaluate.evaluate)
app.command()(clean.clean)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gentri {gentri.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and leave the process."""
    for stream in (sys.stdout, sys.stderr):
        # File names may hold what the terminal cannot show.
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    log = logging.getLogger(gentri.__name__)
    log.addHandler(Notices(logging.INFO))
    log.setLevel(logging.INFO)
    app()
