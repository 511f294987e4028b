"""Options that several commands share."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_SESSION = Path("gentri-session")


class Device(str, Enum):
    """Where networks run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


SessionFolder = Annotated[
    Path, typer.Option("--session", metavar="DIR", help="Folder of settings and results.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Videos = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="VIDEOS",
        help="Videos or folders, one source per camera; after -- where a name begins with a dash. "
        "Not needed in an existing session.",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.NAME=VALUE",
        help="A setting, written into the session. Several times for several.",
        show_default=False,
    ),
]
Height = Annotated[
    float | None,
    typer.Option(
        metavar="METRES",
        help="Body height of the subject: the scale. Short for --set calibrate.stature_m=METRES.",
        show_default=False,
    ),
]
Force = Annotated[
    list[str] | None,
    typer.Option(metavar="STAGE", help="Do a stage again although it is fresh."),
]
ForceThis = Annotated[bool, typer.Option("--force", help="Do it again although it is fresh.")]
Until = Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would run and why; do nothing.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where networks run.")]
BatchSize = Annotated[int, typer.Option(min=0, help="Images per network call; 0: automatic.")]
Workers = Annotated[int, typer.Option(min=0, help="Helper threads; 0: automatic.")]
