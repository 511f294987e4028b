"""`gentri run`, and a command per stage that runs until there."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Signature, signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from gentri.cli import options
from gentri.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gentri.pipeline.session import Session
    from gentri.pipeline.stage import Runtime

# Name and summary of every stage, here so that --help loads none of them.
STAGE_COMMANDS = {
    "frames": "Run until the frames are extracted.",
    "detect": "Run until the people are detected in every view.",
    "calibrate": "Run until the cameras are known.",
    "triangulate": "Run until the 3D skeletons are there.",
    "export": "Run until the files are written.",
}


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    Attributes:
        videos: sources; none in an existing session.
        session: its folder.
        edits: `stage.name` → value, to be written into the session.
        force: stages to do again.
        until: last stage, None for all.
        json: answer with a JSON document.
    """

    videos: tuple[Path, ...]
    session: Path
    edits: dict[str, str]
    force: tuple[str, ...]
    until: str | None
    json: bool


def run(
    videos: options.Videos = None,
    session: options.SessionFolder = options.DEFAULT_SESSION,
    settings: options.Settings = None,
    height: options.Height = None,
    until: options.Until = None,
    force: options.Force = None,
    dry_run: options.DryRun = False,
    device: options.DeviceOption = options.Device.AUTO,
    batch_size: options.BatchSize = 0,
    workers: options.Workers = 0,
    json: options.Json = False,
) -> None:
    """From videos to 3D skeletons; what is fresh is kept."""
    from gentri.pipeline.stage import Runtime

    edits = parse_edits(settings or [], height)
    request = Request(tuple(videos or ()), session, edits, tuple(force or ()), until, json)
    if dry_run:
        _rehearse(request)
    else:
        _execute(request, Runtime(device.value, batch_size, workers))


def until(stage: str) -> Callable[..., None]:
    """The command that runs until this stage: the options of `run`, but for --until."""

    def command(force: bool, **given: Any) -> None:
        run(**given, until=stage, force=[stage] if force else [])

    parameters = {n: p for n, p in signature(run).parameters.items() if n != "until"}
    parameters["force"] = parameters["force"].replace(default=False, annotation=options.ForceThis)
    shown = Signature(list(parameters.values()))
    command.__signature__ = shown  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = {name: p.annotation for name, p in parameters.items()}
    return command


def parse_edits(settings: list[str], height_m: float | None) -> dict[str, str]:
    """Settings given as `stage.name=value`, by name.

    Raises:
        UsageError: one of them has no "=".
    """
    edits = {} if height_m is None else {"calibrate.stature_m": repr(height_m)}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text} has no value", "write --set STAGE.NAME=VALUE")
        edits[key.strip()] = value.strip()
    return edits


def _execute(request: Request, runtime: "Runtime") -> None:
    from gentri import stages
    from gentri.cli.progress import open_reporter
    from gentri.cli.results import poor_reasons, print_results
    from gentri.configs.settings import edit_settings, load_settings
    from gentri.pipeline import runner
    from gentri.pipeline.session import Session

    if request.videos:
        session = Session.create(request.session, _sources(request.videos))
    else:
        session = Session.open(request.session)
    with session.lock(), open_reporter() as reporter:
        edit_settings(stages.STAGES, session.settings_file, request.edits)
        params = load_settings(stages.STAGES, session.settings_file)
        outcomes = runner.run(
            stages.STAGES,
            session,
            params,
            runtime,
            reporter,
            force=request.force,
            until=request.until,
        )
    print_results(session, outcomes, request.json)
    if poor_reasons(outcomes):
        raise typer.Exit(ExitCode.POOR)


def _rehearse(request: Request) -> None:
    """Plan what was asked for, on a copy of the settings."""
    from gentri import stages
    from gentri.cli.results import print_plans
    from gentri.configs.settings import edit_settings, load_settings
    from gentri.pipeline.plan import plan, stages_until
    from gentri.pipeline.session import SETTINGS_FILE

    chosen = stages_until(stages.STAGES, request.until)
    with TemporaryDirectory() as folder:
        session = _open_or_draft(request, Path(folder))
        settings = Path(folder) / SETTINGS_FILE
        shutil.copyfile(session.settings_file, settings)
        edit_settings(stages.STAGES, settings, request.edits)
        params = load_settings(stages.STAGES, settings)
        plans = plan(chosen, session, params, force=request.force)
    print_plans(request.session, plans, request.json)


def _open_or_draft(request: Request, folder: Path) -> "Session":
    """The session, or one in a temporary folder where there is none yet."""
    from gentri.pipeline.session import SETTINGS_FILE, Session, check_place

    if not request.videos:
        return Session.open(request.session)
    sources = _sources(request.videos)
    check_place(request.session, sources)
    if (request.session / SETTINGS_FILE).is_file():
        return Session.open(request.session).with_sources(sources)
    return Session.create(folder / "draft", sources)


def _sources(videos: tuple[Path, ...]) -> dict[str, Path]:
    from gentri.media.sources import collect_sources

    return collect_sources(videos)
