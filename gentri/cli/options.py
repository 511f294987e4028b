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
Keypoints = Annotated[
    list[Path] | None,
    typer.Option(
        "--keypoints",
        metavar="DIR",
        help="Keypoints that are there already, in place of videos: OpenPose or Pose2Sim JSON, "
        "MMPose predictions, gentri's npz. Several times for several.",
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
Distance = Annotated[
    str | None,
    typer.Option(
        metavar="CAM1:CAM2=METRES",
        help="Distance between two cameras: the scale. Short for --set calibrate.camera_distance=…",
        show_default=False,
    ),
]
Bone = Annotated[
    str | None,
    typer.Option(
        metavar="JOINT:JOINT=METRES",
        help="Length of a bone of the subject: the scale. Short for --set calibrate.bone_length=…",
        show_default=False,
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(
        metavar="HZ",
        help="Frame rate of pictures and keypoint files, one for all cameras: slower ones skip "
        "frame numbers. Short for --set frames.image_fps=HZ.",
        show_default=False,
    ),
]
Size = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[CAMERA=]WIDTHxHEIGHT",
        help="Image size of keypoint files, of all cameras or one; several times for several. "
        "Short for --set frames.keypoint_size_px=…",
        show_default=False,
    ),
]
SkeletonName = Annotated[
    str | None,
    typer.Option(
        "--skeleton",
        metavar="NAME",
        help="Joint set of keypoint files. Short for --set frames.keypoint_skeleton=NAME.",
        show_default=False,
    ),
]
RigFile = Annotated[
    Path | None,
    typer.Option(
        "--rig",
        metavar="FILE",
        help="Use these cameras, made elsewhere, in place of estimating them; none: no longer.",
        show_default=False,
    ),
]
IntrinsicsFile = Annotated[
    Path | None,
    typer.Option(
        "--intrinsics",
        metavar="FILE",
        help="Lenses that are known; none: no longer.",
        show_default=False,
    ),
]
WorldFile = Annotated[
    Path | None,
    typer.Option(
        "--world",
        metavar="FILE",
        help="Camera positions that fix origin, axes and scale; none: no longer.",
        show_default=False,
    ),
]
ScorerFile = Annotated[
    Path | None,
    typer.Option(
        "--scorer",
        metavar="FILE",
        help="Weights of gentri train to triangulate with; none: gentri's own again.",
        show_default=False,
    ),
]
Takes = Annotated[
    list[Path] | None,
    typer.Option(
        "--take",
        metavar="DIR",
        help="Session of another take of the same cameras, to calibrate with. Several times for "
        "several; none: no longer.",
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
