"""`gentri train`: a scorer of one's own, from motion."""

from pathlib import Path
from typing import Annotated

import typer

from gentri.cli import options

Motion = Annotated[
    list[Path],
    typer.Argument(
        metavar="MOTION",
        help="Files or folders of motion: AMC with ASF, BVH, C3D, or npz as in examples/cmu_mocap.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="The .safetensors to write.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="TOML with changed settings.", show_default=False
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting, as optimizer.steps=2000. Several times for several.",
        show_default=False,
    ),
]

Work = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="DIR",
        help="Folder of examples, checkpoints and run-…/curve.csv; trainings may share it. "
        "FILE.training by default.",
        show_default=False,
    ),
]


def train(
    motion: Motion,
    out: Out = Path("scorer.safetensors"),
    config: Config = None,
    settings: Settings = None,
    work: Work = None,
    device: options.DeviceOption = options.Device.AUTO,
    json: options.Json = False,
) -> None:
    """Learn to choose: a scorer for `gentri run --scorer FILE`; goes on after an interruption."""
    from gentri.cli.failures import printable
    from gentri.cli.progress import open_reporter
    from gentri.cli.request import parse_edits
    from gentri.cli.results import print_json
    from gentri.detectors.device import pick_device
    from gentri.motion import read_motion
    from gentri.ransac.training.run import train as run_training
    from gentri.ransac.training.settings import read_settings

    wanted = read_settings(config, parse_edits(settings or (), {}))
    there = pick_device(device.value)
    clips = tuple(clip for path in motion for clip in read_motion(path))
    with open_reporter("train") as reporter:
        card = run_training(
            clips,
            out,
            wanted,
            work=work,
            device=there,
            progress=lambda what, done, total: reporter.advance(done, total, what),
        )
    if json:
        print_json({"out": str(out), **card})
        return
    for name, value in card["metrics"].items():
        print(f"{name:32} {'not measured' if value is None else f'{value:.4g}'}")
    print(printable(f"People: {card['people']}"))
    print(printable(f"Written: {out}"))
