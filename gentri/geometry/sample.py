"""The frames of one person that a rig is estimated from, spread over space and time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D
from gentri.errors import CalibrationError
from gentri.skeletons import BODY_JOINTS

# Expected error of a visible joint as a share of the person's box diagonal in that view
# (detections on real recordings: median 1.4–1.9 %); hips have no visible landmark.
JOINT_SIGMA = 0.01
_HIP_FACTOR = 1.4
_SIGMA_FACTOR = np.array([_HIP_FACTOR if "hip" in j else 1.0 for j in BODY_JOINTS])

# A crouching or half-hidden person has a small box but the same pixels per metre.
_SMALLEST_BOX = 0.6  # of the view's median diagonal

_MIN_FRAMES = 10
_MIN_JOINTS = len(BODY_JOINTS) // 2
_POOL = 2000  # frames looked at when choosing; bounds the cost for hours of video

# Position of each body joint's left/right counterpart, (12,): the sides alternate in BODY_JOINTS.
MIRROR = np.arange(len(BODY_JOINTS)).reshape(-1, 2)[:, ::-1].ravel()

_RIGID = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("shoulder", "hip"),
)
# Pairs of body joints that keep their distance, (10, 2).
BONES = np.array(
    [
        [BODY_JOINTS.index(f"{side}_{a}"), BODY_JOINTS.index(f"{side}_{b}")]
        for side in ("left", "right")
        for a, b in _RIGID
    ]
)


@dataclass(frozen=True, eq=False)
class Sample:
    """Body joints, in the order of `BODY_JOINTS`, of F chosen frames in C views.

    Attributes:
        frames: (F,) ticks.
        time_s: (F,).
        xy_px: (C, F, 12, 2) distorted pixels; 0 where not seen.
        weight: (C, F, 12) squared score; 0 where not seen.
        sigma_px: (C, F, 12) expected error.
        size_px: (C, 2) width and height.
    """

    frames: NDArray[np.int64]
    time_s: FloatArray
    xy_px: FloatArray
    weight: FloatArray
    sigma_px: FloatArray
    size_px: FloatArray

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(C, F, 12)."""
        return self.weight > 0

    @property
    def twice_seen(self) -> NDArray[np.bool_]:
        """Joints that two views see in a frame, (F, 12)."""
        return self.seen.sum(0) >= 2

    @property
    def center_px(self) -> FloatArray:
        """Image centres, (C, 2)."""
        return (self.size_px - 1) / 2

    @property
    def short_side(self) -> FloatArray:
        """Shorter image sides, (C,) px."""
        return self.size_px.min(axis=-1)

    def every(self, step: int) -> "Sample":
        """Every `step`-th frame."""
        return replace(
            self,
            frames=self.frames[::step],
            time_s=self.time_s[::step],
            xy_px=self.xy_px[:, ::step],
            weight=self.weight[:, ::step],
            sigma_px=self.sigma_px[:, ::step],
        )

    def relabelled(self, swapped: NDArray[np.bool_]) -> "Sample":
        """Left and right exchanged in the view-frames marked in (C, F)."""
        pick = np.where(swapped[..., None], MIRROR, np.arange(len(BODY_JOINTS)))
        return replace(
            self,
            xy_px=np.take_along_axis(self.xy_px, pick[..., None], axis=2),
            weight=np.take_along_axis(self.weight, pick, axis=2),
        )

    def without(self, dropped: NDArray[np.bool_]) -> "Sample":
        """The view-frames marked in (C, F) ignored."""
        return replace(self, weight=np.where(dropped[..., None], 0.0, self.weight))


def choose_sample(keypoints: Keypoints2D, count: int) -> Sample:
    """At most `count` frames of the person, far apart from each other in the images.

    Raises:
        CalibrationError: too few frames show the person to two cameras.
    """
    columns = [keypoints.skeleton.index(j) for j in BODY_JOINTS]
    seen = np.isfinite(keypoints.xy_px[:, :, columns, 0]) & (keypoints.score[:, :, columns] > 0)
    useful = np.flatnonzero((seen.sum(0) >= 2).sum(-1) >= _MIN_JOINTS)
    if len(useful) < _MIN_FRAMES:
        raise CalibrationError(
            f"only {len(useful)} frames show the person to two cameras at once; "
            f"at least {_MIN_FRAMES} are needed",
            "the cameras must see the person together: check that the videos belong to one take "
            "and are synchronised, or film again with the person walking where the views overlap",
        )
    pool = useful[np.unique(np.linspace(0, len(useful) - 1, _POOL).astype(int))]
    xy = np.where(seen[:, pool, :, None], keypoints.xy_px[:, pool][:, :, columns], np.nan)
    pick = _farthest_frames(xy.astype(np.float64), count)
    frames, xy = pool[pick], xy[:, pick].astype(np.float64)
    score = np.where(np.isfinite(xy[..., 0]), keypoints.score[:, frames][:, :, columns], 0.0)
    return Sample(
        frames=frames,
        time_s=keypoints.time_s[frames],
        xy_px=np.nan_to_num(xy),
        weight=score.astype(np.float64) ** 2,
        sigma_px=JOINT_SIGMA * box_diagonal(xy)[..., None] * _SIGMA_FACTOR,
        size_px=keypoints.size_px.astype(np.float64),
    )


def box_diagonal(xy: FloatArray) -> FloatArray:
    """Person size in each view and frame (C, F) px of joints (C, F, J, 2).

    The view's median where too few joints are seen, and never much less than it.
    """
    seen = np.isfinite(xy[..., 0])
    low = np.where(seen[..., None], xy, np.inf).min(-2)
    high = np.where(seen[..., None], xy, -np.inf).max(-2)
    enough = seen.sum(-1) >= _MIN_JOINTS
    diagonal = np.linalg.norm(np.where(enough[..., None], high - low, 0.0), axis=-1)
    views = [d[e] for d, e in zip(diagonal, enough, strict=True)]
    everywhere = float(np.median(np.concatenate(views))) if enough.any() else 1.0
    middle = np.array([np.median(v) if len(v) else everywhere for v in views])[:, None]
    return np.maximum(np.where(enough, diagonal, middle), _SMALLEST_BOX * middle)


def _farthest_frames(xy: FloatArray, count: int) -> NDArray[np.int64]:
    """Greedy farthest-point choice over the person's place in every view and over time; sorted.

    Args:
        xy: (C, F, J, 2), NaN where not seen.
        count: at most this many.
    """
    views, frames = xy.shape[:2]
    if frames <= count:
        return np.arange(frames)
    seen = np.all(np.isfinite(xy), axis=-1)
    joints = np.maximum(seen.sum(-1), 1)[..., None]
    place = np.where(seen[..., None], xy, 0).sum(2) / joints
    for view, visible in zip(place, seen.any(-1), strict=True):
        view[~visible] = view[visible].mean(axis=0) if visible.any() else 0.0
    feature = np.moveaxis(place, 0, 1).reshape(frames, 2 * views)
    # Gross errors lie far from everything: without a limit they would be chosen first.
    feature = np.clip(feature, *np.quantile(feature, [0.02, 0.98], axis=0))
    feature = feature / (feature.std(axis=0) + 1e-9)
    feature = np.c_[feature, np.linspace(0, 4, frames)]  # time counts like one well-covered axis
    rays = seen.any(-1).sum(0)  # frames that more cameras see tell more
    chosen = [int(np.argmax(rays))]
    far = np.linalg.norm(feature - feature[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(far * rays)))
        far = np.minimum(far, np.linalg.norm(feature - feature[chosen[-1]], axis=1))
    return np.sort(np.array(chosen))
