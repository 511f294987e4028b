"""What every writer asks of a rig before it writes."""

import re
from collections import Counter

import numpy as np

from gentri.data import Camera, Rig
from gentri.errors import InputError

# A skew below this share of the focal length is the rounding of a computed K.
_NO_SKEW = 1e-12


def require_plain_cameras(rig: Rig, kind: str) -> None:
    """Refuse what no other tool's file can hold.

    Args:
        rig: to be written.
        kind: name of the format, for the message.

    Raises:
        InputError: no camera, two of one name, numbers that are not finite, or skewed pixels.
    """
    if not rig.cameras:
        raise InputError("a rig without cameras cannot be written", "calibrate at least one")
    name, count = Counter(rig.names).most_common(1)[0]
    if count > 1:
        raise InputError(f"two cameras are named {name!r}", "give each a name of its own")
    for camera in rig.cameras:
        pose = camera.cam_from_world
        if not all(np.isfinite(a).all() for a in (camera.K, camera.dist, pose.R, pose.t)):
            raise InputError(
                f"camera {camera.name!r} has numbers that are NaN or infinite",
                "leave it out, or calibrate it again",
            )
        if abs(camera.K[0, 1]) > _NO_SKEW * camera.K[0, 0]:
            raise InputError(
                f"camera {camera.name!r} has skewed pixels, which {kind} has no place for",
                "write the format rig, which keeps the whole matrix K",
            )


def require_names(rig: Rig, kind: str, pattern: str, allowed: str) -> None:
    """Refuse names that a format would break.

    Args:
        rig: to be written.
        kind: name of the format, for the message.
        pattern: regular expression for the whole name.
        allowed: the same in words.

    Raises:
        InputError: a camera has another name.
    """
    for name in rig.names:
        if not re.fullmatch(pattern, name):
            raise InputError(
                f"{kind} cannot hold the camera name {name!r}", f"rename it: {allowed}"
            )


def opencv_distortions(camera: Camera) -> list[float]:
    """The usual four, k1 k2 p1 p2; k3 as the fifth only where it says something.

    Programs hand the list to OpenCV as it is, which takes the fifth for k3: so nothing is lost.
    """
    return (camera.dist if camera.dist[4] else camera.dist[:4]).tolist()
