"""What gentri does, as Python functions; settings and defaults are those of its stages."""

from gentri.api.cameras import calibrate, calibrate_judged, read_rig, triangulate, write_rig
from gentri.api.keypoints import keypoints_from_arrays, read_keypoints

__all__ = [
    "calibrate",
    "calibrate_judged",
    "keypoints_from_arrays",
    "read_keypoints",
    "read_rig",
    "triangulate",
    "write_rig",
]
