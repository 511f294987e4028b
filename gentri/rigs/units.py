"""Units of length that files do not state."""

from itertools import combinations
from pathlib import Path

import numpy as np

from gentri.data import Rig
from gentri.errors import InputError

# `Rig.scale_source` of files whose unit is anybody's guess; the spread of the scale is then NaN.
UNIT_NOT_STATED = "given, unit not stated: taken as metres"
# The same of files whose unit is fixed, while nobody knows how true their metre is: a rig of an
# average adult's height may have been written into them.
SCALE_NOT_STATED = "given, accuracy not stated"
# No rig around people is larger (a stadium is about 250 m long); one in millimetres is.
_LARGEST_M = 300.0


def require_metres(rig: Rig, path: Path) -> Rig:
    """The same rig, unless it can hardly be in metres.

    Raises:
        InputError: two cameras are absurdly far apart.
    """
    pairs = combinations([camera.center for camera in rig.cameras], 2)
    largest = max((float(np.linalg.norm(a - b)) for a, b in pairs), default=0.0)
    if largest > _LARGEST_M:
        raise InputError(
            f"{path}: two cameras are {largest:.0f} apart; metres are needed",
            "the file is probably in millimetres: calibrate with the board's size in metres, or "
            "divide all translations by 1000",
        )
    return rig
