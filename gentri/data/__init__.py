"""The types that cross stage borders: shape and dtype checked once, with their files.

Axes: C cameras, T ticks or frames, P people, J joints. Pixels are (x right, y down) with integer
coordinates at pixel centres; the world is metres, right-handed, z up. NaN means "not measured".
"""

from gentri.data.arrays import FloatArray, PathLike, median_measured
from gentri.data.detections import Detections
from gentri.data.keypoints import Keypoints2D
from gentri.data.poses import Poses3D
from gentri.data.rig import Camera, Intrinsics, Rig, Rigid3
from gentri.data.timeline import Timeline

__all__ = [
    "Camera",
    "Detections",
    "FloatArray",
    "Intrinsics",
    "Keypoints2D",
    "PathLike",
    "Poses3D",
    "Rig",
    "Rigid3",
    "Timeline",
    "median_measured",
]
