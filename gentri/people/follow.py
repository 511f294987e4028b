"""Follow the subject through track breaks and mix-ups, once the cameras are known."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, FloatArray, Rig
from gentri.geometry.cameras import project, undistort
from gentri.geometry.triangulation import triangulate
from gentri.people.subject import Subject, gather_keypoints
from gentri.ticks import at_ticks

# Median joint distance between a detection and the reprojected subject, share of the detection's box
# diagonal: below the first it is the subject, above the second it is somebody else.
_SAME, _OTHER = 0.12, 0.5
_ROBUST_ANGLE = 0.01  # radians; a person of 1.7 m at 5 m subtends 0.33


def follow_subject(detections: dict[str, Detections], subject: Subject, rig: Rig) -> Subject:
    """Give the subject every detection that matches the other views, and take away those that do not.

    Each view is judged by the others alone, so that a view cannot confirm its own mistake; with two
    cameras there are no others to triangulate from, and the subject stays as it is.

    Args:
        detections: per camera.
        subject: as chosen from the tracks.
        rig: calibrated cameras in the subject's camera order.
    """
    if len(rig.cameras) < 3:
        return subject
    keypoints = gather_keypoints(detections, subject)
    rays = np.stack([undistort(c, xy) for c, xy in zip(rig.cameras, keypoints.xy_px, strict=True)])
    weight = np.nan_to_num(keypoints.score.astype(np.float64)) ** 2
    R = np.stack([c.cam_from_world.R for c in rig.cameras])
    t = np.stack([c.cam_from_world.t for c in rig.cameras])
    slots = []
    for c, camera in enumerate(rig.cameras):
        others = np.arange(len(rig.cameras)) != c
        xyz = triangulate(rays[others], weight[others], R[others], t[others], _ROBUST_ANGLE)
        expected = _at_frames(project(camera, xyz), subject.time_s, subject.frame_s[c])
        slots.append(_matching_slot(detections[camera.name], subject.slot[c], expected))
    return replace(subject, slot=tuple(slots))


def _at_frames(xy: FloatArray, ticks_s: FloatArray, frame_s: FloatArray) -> FloatArray:
    """Reprojected joints (T, J, 2) at the camera's own frames (T_c, J, 2)."""
    return at_ticks(xy, np.ones(xy.shape[:2]), ticks_s, frame_s)[0]


def _matching_slot(
    seen: Detections, current: NDArray[np.int32], expected: FloatArray
) -> NDArray[np.int32]:
    diagonal = np.linalg.norm(seen.box_px[..., 2:] - seen.box_px[..., :2], axis=-1)
    away = np.linalg.norm(seen.xy_px - expected[:, None], axis=-1)
    known = np.isfinite(away).sum(-1) >= 4
    away[~known] = np.inf
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.nanmedian(away, axis=-1) / diagonal
    distance[~known] = np.nan
    rows = np.arange(len(current))
    best = np.where(known, distance, np.inf).argmin(-1)
    found = distance[rows, best] < _SAME
    now = distance[rows, current]
    wrong = (current >= 0) & (now > _OTHER)
    return np.where(found, best, np.where(wrong, -1, current)).astype(np.int32)
