"""`gentri status`: what is fresh, and what would run and why."""

from typing import Annotated

import typer

from gentri.cli import options


def status(
    session: options.SessionFolder = options.DEFAULT_SESSION,
    verify: Annotated[bool, typer.Option("--verify", help="Read every result file again.")] = False,
    json: options.Json = False,
) -> None:
    """Say how the result of every stage stands."""
    from gentri import stages
    from gentri.cli.results import print_plans
    from gentri.configs.settings import load_settings
    from gentri.pipeline.plan import plan
    from gentri.pipeline.session import Session

    opened = Session.open(session)
    params = load_settings(stages.STAGES, opened.settings_file)
    print_plans(session, plan(stages.STAGES, opened, params, verify=verify), json)
