"""`gentri run`, and a command per stage that runs until there."""

import shutil
from collections.abc import Callable
from inspect import Signature, signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from gentri.cli import options
from gentri.cli.request import Request, parse_edits, parse_given, texts
from gentri.errors import ExitCode

if TYPE_CHECKING:
    from gentri.pipeline.stage import Runtime

# Name and summary of every stage, here so that --help loads none of them.
STAGE_COMMANDS = {
    "frames": "Run until the frames are extracted.",
    "detect": "Run until the people are detected in every view.",
    "calibrate": "Run until the cameras are known.",
    "triangulate": "Run until the 3D skeletons are there.",
    "export": "Run until the files are written.",
}


def run(
    videos: options.Videos = None,
    keypoints: options.Keypoints = None,
    session: options.SessionFolder = options.DEFAULT_SESSION,
    settings: options.Settings = None,
    height: options.Height = None,
    distance: options.Distance = None,
    bone: options.Bone = None,
    fps: options.Fps = None,
    size: options.Size = None,
    skeleton: options.SkeletonName = None,
    rig: options.RigFile = None,
    intrinsics: options.IntrinsicsFile = None,
    world: options.WorldFile = None,
    scorer: options.ScorerFile = None,
    take: options.Takes = None,
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

    short = {
        "calibrate.stature_m": None if height is None else repr(height),
        "calibrate.camera_distance": distance,
        "calibrate.bone_length": bone,
        "frames.image_fps": None if fps is None else repr(fps),
        "frames.keypoint_size_px": texts(size),
        "frames.keypoint_skeleton": skeleton,
    }
    request = Request(
        videos=tuple(videos or ()),
        keypoints=tuple(keypoints or ()),
        session=session,
        edits=parse_edits(settings or (), short),
        given=parse_given(
            {
                "rig": rig,
                "intrinsics": intrinsics,
                "world": world,
                "scorer": scorer,
                "takes": take,
            }
        ),
        force=tuple(force or ()),
        until=until,
        json=json,
    )
    runtime = Runtime(device.value, batch_size, workers)
    if dry_run:
        _rehearse(request, runtime)
    else:
        _execute(request, runtime)


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


def _execute(request: Request, runtime: "Runtime") -> None:
    from gentri import stages
    from gentri.cli.progress import open_reporter
    from gentri.cli.results import poor_reasons, print_results
    from gentri.configs.settings import edit_settings, load_settings
    from gentri.pipeline import runner

    session = request.open()
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


def _rehearse(request: Request, runtime: "Runtime") -> None:
    """Plan what was asked for, on a copy of the settings; refuse what a run would refuse ahead."""
    from gentri import stages
    from gentri.cli.results import print_plans
    from gentri.configs.settings import edit_settings, load_settings
    from gentri.pipeline.plan import check_ahead, plan, stages_until
    from gentri.pipeline.session import SETTINGS_FILE

    chosen = stages_until(stages.STAGES, request.until)
    with TemporaryDirectory() as folder:
        session = request.draft(Path(folder))
        settings = Path(folder) / SETTINGS_FILE
        shutil.copyfile(session.settings_file, settings)
        edit_settings(stages.STAGES, settings, request.edits)
        params = load_settings(stages.STAGES, settings)
        plans = plan(chosen, session, params, force=request.force)
        check_ahead(plans, session, runtime)
    print_plans(request.session, plans, request.json)
