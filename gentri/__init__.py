"""gentri: 3D human motion from ordinary videos of several uncalibrated cameras.

In Python, without the command line and its sessions:

    keypoints = gentri.read_keypoints("pose/", size_px=(1920, 1080), fps=30)
    rig = gentri.calibrate(keypoints, stature_m=1.75)
    poses = gentri.triangulate(keypoints, rig)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gentri.api import (
        calibrate,
        calibrate_judged,
        keypoints_from_arrays,
        read_keypoints,
        read_rig,
        triangulate,
        write_rig,
    )
    from gentri.data import Intrinsics, Keypoints2D, Poses3D, Rig
    from gentri.errors import GentriError, PoorResultWarning, UsableResultWarning
    from gentri.geometry.verdict import Verdict

__version__ = "0.1.0"

_HOMES = {
    "gentri.api": (
        "calibrate",
        "calibrate_judged",
        "keypoints_from_arrays",
        "read_keypoints",
        "read_rig",
        "triangulate",
        "write_rig",
    ),
    "gentri.data": ("Intrinsics", "Keypoints2D", "Poses3D", "Rig"),
    "gentri.errors": ("GentriError", "PoorResultWarning", "UsableResultWarning"),
    "gentri.geometry.verdict": ("Verdict",),
}

__all__ = [
    "GentriError",
    "Intrinsics",
    "Keypoints2D",
    "PoorResultWarning",
    "Poses3D",
    "Rig",
    "UsableResultWarning",
    "Verdict",
    "calibrate",
    "calibrate_judged",
    "keypoints_from_arrays",
    "read_keypoints",
    "read_rig",
    "triangulate",
    "write_rig",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for: the command line starts without it."""
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'gentri' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What is loaded on demand, too: completion shows it."""
    return sorted({*globals(), *__all__})
