"""Follow the subject through mix-ups of tracks, once the cameras are known."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, FloatArray, Keypoints2D, Rig
from gentri.geometry.cameras import project, undistort
from gentri.geometry.triangulation import triangulate
from gentri.people.comparison import median_joint
from gentri.people.subject import Subject, gather_keypoints
from gentri.ticks import at_ticks, frame_period

# Median joint distance between a detection and the reprojected subject, share of the detection's
# box diagonal: below the first it is the subject, above the second it is somebody else.
_SAME, _OTHER = 0.12, 0.25
# The same, of the joints' own extent: as near as this in three views or more, and in most of those
# that show anybody, these show the subject. A view of somebody else pulls the joints away from the
# other views, too.
_AGREED, _AGREED_VIEWS = 0.04, 3
_ROBUST_ANGLE = 0.01  # radians; a person of 1.7 m at 5 m subtends 0.33
# Moments at which the joints are reprojected; between them they move in straight lines. A body
# that is thrown about at 30 m/s² strays from these by 4 cm, a fifth of what is still the same.
_MOMENT_S = 0.1
_CHUNK = 2000  # moments at once: bounds the memory of long recordings


def follow_subject(
    detections: dict[str, Detections], subject: Subject, rig: Rig, min_score: float
) -> Subject:
    """Give the subject, frame by frame, the detection that matches the other views.

    Where views disagree, each is judged by the others alone, so that a view cannot confirm its own
    mistake; with two cameras there are no others to triangulate from, and the subject stays as it
    is.

    Args:
        detections: per camera.
        subject: as joined from tracks.
        rig: calibrated cameras in the subject's camera order.
        min_score: joints below are not looked at.
    """
    if len(rig.cameras) < 3:
        return subject
    moments_s = _moments(subject.time_s)
    keypoints = gather_keypoints(detections, replace(subject, time_s=moments_s), min_score)
    chunks = range(0, len(moments_s), _CHUNK)
    parts = [_expected(keypoints, rig, slice(at, at + _CHUNK)) for at in chunks]
    expected = np.concatenate(parts, axis=1)
    slots = []
    for c, camera in enumerate(rig.cameras):
        at_frames = _at_frames(expected[c], moments_s, subject.frame_s[c])
        slots.append(_matching_slot(detections[camera.name], subject.slot[c], at_frames))
    return replace(subject, slot=tuple(slots))


def _moments(ticks_s: FloatArray) -> FloatArray:
    """Of the ticks (T,) as many as are needed, the last one among them."""
    step = max(round(_MOMENT_S / frame_period(ticks_s)), 1) if len(ticks_s) > 1 else 1
    return np.append(ticks_s[:-1:step], ticks_s[-1])


def _expected(keypoints: Keypoints2D, rig: Rig, at: slice) -> FloatArray:
    """Where each camera should see the body, (C, T, 12, 2) px; by the others in case of doubt."""
    body = keypoints.skeleton.body
    xy = keypoints.xy_px[:, at, body]
    rays = np.stack([undistort(c, v) for c, v in zip(rig.cameras, xy, strict=True)])
    weight = np.nan_to_num(keypoints.score[:, at, body].astype(np.float64)) ** 2
    R = np.stack([c.cam_from_world.R for c in rig.cameras])
    t = np.stack([c.cam_from_world.t for c in rig.cameras])
    expected = np.full(xy.shape, np.nan)
    doubt = np.arange(xy.shape[1])
    # Quickly at first, then, where views differ, so that those that differ count less.
    for scale, all_views in ((np.inf, True), (_ROBUST_ANGLE, False)):
        xyz = triangulate(rays[:, doubt], weight[:, doubt], R, t, scale)
        expected[:, doubt] = np.stack([project(camera, xyz) for camera in rig.cameras])
        doubt = doubt[~_agreed(xy[:, doubt], expected[:, doubt], all_views)]
    rays, weight = rays[:, doubt], weight[:, doubt]
    for c, camera in enumerate(rig.cameras):
        others = np.arange(len(rig.cameras)) != c
        xyz = triangulate(rays[others], weight[others], R[others], t[others], _ROBUST_ANGLE)
        expected[c, doubt] = project(camera, xyz)
    return expected


def _agreed(xy: FloatArray, expected: FloatArray, all_views: bool) -> NDArray[np.bool_]:
    """Moments (T,) at which all, or most, of the views (C, T, J, 2) show the same person."""
    shown = np.isfinite(xy[..., 0]) & np.isfinite(xy[..., 1])
    low = np.where(shown[..., None], xy, np.inf).min(-2)
    high = np.where(shown[..., None], xy, -np.inf).max(-2)
    away = xy - expected
    here = np.asarray(shown.any(-1)).sum(0)
    with np.errstate(invalid="ignore"):  # nobody has no extent
        near = median_joint(np.hypot(away[..., 0], away[..., 1])) < _AGREED * np.linalg.norm(
            high - low, axis=-1
        )
    near = near.sum(0)
    return (near >= _AGREED_VIEWS) & (near == here if all_views else 2 * near > here)


def _at_frames(xy: FloatArray, moments_s: FloatArray, frame_s: FloatArray) -> FloatArray:
    """Reprojected joints (T, J, 2) at the camera's own frames (T_c, J, 2)."""
    return at_ticks(xy, np.ones(xy.shape[:2]), moments_s, frame_s)[0]


def _matching_slot(
    seen: Detections, current: NDArray[np.int32], expected: FloatArray
) -> NDArray[np.int32]:
    """Person axis (T_c,) of the detection nearest to the expected body joints (T_c, 12, 2)."""
    diagonal = np.linalg.norm(seen.box_px[..., 2:] - seen.box_px[..., :2], axis=-1)
    away = seen.xy_px[:, :, seen.skeleton.body] - expected[:, None]
    median = median_joint(np.hypot(away[..., 0], away[..., 1]))
    known = np.isfinite(median) & (diagonal > 0)
    distance = np.full(known.shape, np.inf)
    distance[known] = median[known] / diagonal[known]
    rows = np.arange(len(current))
    best = distance.argmin(-1)
    found = distance[rows, best] < _SAME
    wrong = (current >= 0) & known[rows, current] & (distance[rows, current] > _OTHER)
    return np.where(found, best, np.where(wrong, -1, current)).astype(np.int32)
