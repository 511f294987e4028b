"""`gentri clean`: free disk space."""

from typing import Annotated

import typer

from gentri.cli import options


def clean(
    session: options.SessionFolder = options.DEFAULT_SESSION,
    everything: Annotated[
        bool, typer.Option("--all", help="Remove the results too; sources and settings stay.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Remove unfinished work and its chunks."""
    from gentri import stages
    from gentri.cli.results import print_json
    from gentri.pipeline import runner
    from gentri.pipeline.session import Session

    freed = runner.clean(Session.open(session), stages.STAGES, published=everything)
    if json:
        print_json({"session": str(session.resolve()), "freed_bytes": freed})
    else:
        print(f"{freed / 1e6:.1f} MB freed")
