"""Whether a camera was moved during the takes: two poses of it that explain much more than one.

The poses before and after come from resection against what the other cameras see (from the
essential matrix where there is only one other); where such a pair of poses pays, the whole rig is
adjusted with it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.comparison import rotation_angle
from gentri.geometry.trust.evidence import Evidence, joints, reprojected
from gentri.geometry.trust.model import Fit, plain
from gentri.geometry.trust.refit import begin, left_over, refit
from gentri.geometry.two_view import relative_pose

_EARLY = 0.3  # share of the moments that the first poses before and after are taken from
# On either side of the change: share of the moments, and seconds. From shorter parts, errors that a
# detector keeps make poses of their own; with two cameras also the few poses of a person do.
_LEAST_SHARE = 0.12
_LEAST_S, _LEAST_PAIR_S = 0.5, 4.0
_GAP_STEPS = 2.5  # usual distances of moments: what is longer is a gap
_TRUNCATION = 5.0  # expected errors
_LEAST_JOINTS = 36
_ITERATIONS = (50, 300)

# Fall of the log cost of one camera's errors that makes it a suspect: good takes stay below 0.02.
_SUSPICIOUS = 0.035
_SUSPECTS = 2
_STEPS = 8

Pose = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Knock:
    """A camera that moved.

    Attributes:
        camera: its number.
        moment: index of the first moment after the change.
        angle_deg, distance_m: between the two poses.
        gain: fall of the log cost, in shares of one camera.
        left_over: median error of the camera with both poses, expected errors.
    """

    camera: int
    moment: int
    angle_deg: float
    distance_m: float
    gain: float
    left_over: float


@dataclass(frozen=True, eq=False)
class _Suspect:
    gain: float
    camera: int
    moment: int
    poses: list[Pose]


def knocked(seen: Evidence, null: Fit, others: FloatArray) -> Knock | None:
    """The one move of one camera that explains most; None when nothing suggests one.

    Args:
        seen: moments in the order of time.
        null: the rig adjusted to them with cameras that stay.
        others: (C, F, 12, 3) joints as the other cameras see them; NaN with two cameras.
    """
    pair = len(seen.xy) == 2  # which of two cameras moved cannot be told
    cameras = [1] if pair else range(len(seen.xy))
    suspects = [s for c in cameras if (s := _suspect(seen, null, others[c], c))]
    suspects.sort(key=lambda s: -s.gain)
    if not suspects or suspects[0].gain < _SUSPICIOUS:
        return None
    return max((_adjusted(seen, null, s) for s in suspects[:_SUSPECTS]), key=lambda k: k.gain)


def _suspect(seen: Evidence, null: Fit, others: FloatArray, camera: int) -> _Suspect | None:
    """Poses of one camera at the beginning and at the end, and the moment to change at."""
    at = np.flatnonzero(seen.seen[camera].any(-1))
    part = int(_EARLY * len(at))
    poses, costs = [], []
    for moments in (at[:part], at[len(at) - part :]):
        if len(seen.xy) == 2:
            pose = _from_the_other(seen.only(moments), null, camera)
        else:
            pose = _resection(seen.only(moments), others[moments], camera)
        if pose is None:
            return None
        poses.append(pose)
        costs.append(_errors(seen, null, others, camera, pose)[at])
    before, after = costs
    total = np.r_[0.0, np.cumsum(before)] + np.r_[np.cumsum(after[::-1])[::-1], 0.0]
    open_to_change = _with_enough_around(seen.only(at))
    if not open_to_change.any():
        return None
    change = int(np.argmin(np.where(open_to_change, total[:-1], np.inf)))
    gain = np.log(min(total[0], total[-1]) / max(total[change], 1e-9))
    return _Suspect(float(gain), camera, int(at[change]), poses)


def _with_enough_around(seen: Evidence) -> NDArray[np.bool_]:
    """Moments (F,) before which, and from which on, enough is seen to tell a pose from."""
    moments = len(seen.time_s)
    share = int(_LEAST_SHARE * moments) + 1
    step_s = np.diff(seen.time_s)
    shown_s = np.where(np.diff(seen.take) == 0, step_s, 0.0)
    if moments > 1:  # nothing is seen in a gap
        shown_s = np.minimum(shown_s, _GAP_STEPS * np.median(step_s))
    passed_s = np.r_[0.0, np.cumsum(shown_s)]
    least_s = _LEAST_PAIR_S if len(seen.xy) == 2 else _LEAST_S
    order = np.arange(moments)
    enough = (order >= share) & (order <= moments - share)
    return enough & (passed_s >= least_s) & (passed_s[-1] - passed_s >= least_s)


def _adjusted(seen: Evidence, null: Fit, suspect: _Suspect) -> Knock:
    """The whole rig with a camera of two poses."""
    c, new = suspect.camera, len(seen.xy)
    model = plain(seen)
    model.station[c, suspect.moment :] = new
    R, t = (np.concatenate([v, v[c : c + 1]]) for v in (null.R, null.t))
    starts = [begin(seen, model, R, t)]
    R, t = R.copy(), t.copy()
    (R[c], t[c]), (R[new], t[new]) = suspect.poses
    starts.append(begin(seen, model, R, t))
    fit = min((refit(seen, model, s, _STEPS) for s in starts), key=lambda f: f.cost)
    centers = [-fit.R[i].T @ fit.t[i] for i in (c, new)]
    return Knock(
        camera=c,
        moment=suspect.moment,
        angle_deg=float(np.degrees(rotation_angle(fit.R[c].T @ fit.R[new]))),
        distance_m=float(np.linalg.norm(centers[1] - centers[0])),
        gain=float(0.5 * len(seen.xy) * np.log(null.cost / fit.cost)),
        left_over=float(left_over(seen, model, fit)[c]),
    )


def _errors(seen: Evidence, null: Fit, others: FloatArray, camera: int, pose: Pose) -> FloatArray:
    """Truncated squared errors of the camera in each moment, (F,); of both of two cameras."""
    R, t = null.R.copy(), null.t.copy()
    R[camera], t[camera] = pose
    pair = len(R) == 2
    xyz = joints(seen, R, t) if pair else others
    views = [0, 1] if pair else [camera]
    miss = np.linalg.norm(reprojected(R[views], t[views], xyz) - seen.xy[views], axis=-1)
    error = np.minimum((np.nan_to_num(miss, nan=np.inf) / seen.sigma[views] / _TRUNCATION) ** 2, 1)
    known = seen.seen[views] & np.isfinite(xyz[..., 0])
    return np.where(known, error, 0.0).sum((0, 2))


def _resection(seen: Evidence, xyz: FloatArray, camera: int) -> Pose | None:
    """Method: PoseLib's P3P LO-RANSAC."""
    import poselib

    known = seen.seen[camera] & np.isfinite(xyz[..., 0])
    if known.sum() < _LEAST_JOINTS:
        return None
    lens = {"model": "SIMPLE_PINHOLE", "width": 2, "height": 2, "params": [1.0, 0.0, 0.0]}
    scale = float(np.median(seen.sigma[camera][known]))
    least, most = _ITERATIONS
    ransac = {
        "max_reproj_error": 4 * scale,
        "min_iterations": least,
        "max_iterations": most,
        "seed": 0,
    }
    refine = {"loss_type": "CAUCHY", "loss_scale": 2 * scale}
    pose, info = poselib.estimate_absolute_pose(
        seen.xy[camera][known], xyz[known], lens, ransac, refine
    )
    if info["num_inliers"] < _LEAST_JOINTS / 2:
        return None
    return np.asarray(pose.R), np.asarray(pose.t)


def _from_the_other(seen: Evidence, null: Fit, camera: int) -> Pose | None:
    """Pose against the only other camera, as far from it as the whole take says."""
    other = 1 - camera
    both = seen.seen.all(0)
    threshold = 2 * float(np.median(seen.sigma))
    found = relative_pose(seen.xy[other][both], seen.xy[camera][both], threshold)
    if found is None:
        return None
    apart = np.linalg.norm(null.t[camera] - null.R[camera] @ null.R[other].T @ null.t[other])
    return found.R @ null.R[other], found.R @ null.t[other] + apart * found.t
