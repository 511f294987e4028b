"""The frames of people that a rig is estimated from, spread over space and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Intrinsics, Keypoints2D
from gentri.errors import CalibrationError, InputError
from gentri.geometry.farthest_frames import farthest_frames
from gentri.geometry.known_lenses import KnownLenses, fitted, known_lenses, pinhole_pixels
from gentri.skeletons import BODY_JOINTS

# Expected error of a visible joint as a share of the person's box diagonal in that view
# (detections on real recordings: median 1.4–1.9 %); hips have no visible landmark.
JOINT_SIGMA = 0.01
_HIP_FACTOR = 1.4
# The face is seen a little differently from every side: it serves to adjust cameras that are nearly
# right, not to find them. Skeletons without these joints go without.
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
JOINTS = BODY_JOINTS + _FACE
_SIGMA_FACTOR = np.array([_HIP_FACTOR if "hip" in j else 1.0 for j in JOINTS])

# A crouching or half-hidden person has a small box but the same pixels per metre.
_SMALLEST_BOX = 0.6  # of the view's median diagonal

_MIN_FRAMES = 10
_MIN_JOINTS = len(BODY_JOINTS) // 2
# Views that a frame is shown by, up to which more of them do not make fewer frames enough.
_ENOUGH_VIEWS = 6
_FEWEST_FRAMES = 60
_POOL = 2000  # frames looked at when choosing; bounds the cost for hours of video

# Position of each body joint's left/right counterpart, (12,): the sides alternate in BODY_JOINTS.
MIRROR = np.arange(len(BODY_JOINTS)).reshape(-1, 2)[:, ::-1].ravel()
# The same for all 17 joints; the nose is its own.
MIRROR_ALL = np.concatenate([MIRROR, len(BODY_JOINTS) + np.array([0, 2, 1, 4, 3])])

_RIGID = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("hip", "knee"),
    ("knee", "ankle"),
)
# Pairs of body joints that keep their distance, (8, 2). The sides of the trunk do not: they change
# by 5 % when people bend (motion capture).
BONES = np.array(
    [
        [BODY_JOINTS.index(f"{side}_{a}"), BODY_JOINTS.index(f"{side}_{b}")]
        for side in ("left", "right")
        for a, b in _RIGID
    ]
)


@dataclass(frozen=True, eq=False)
class Sample:
    """Joints, in the order of `JOINTS`, the body's first, of F chosen frames in C views.

    Attributes:
        cameras: names, length C.
        lenses: what is known of them.
        take: (F,) number of the recording that each frame is from.
        frames: (F,) ticks of that recording.
        time_s: (F,) in that recording.
        xy_px: (C, F, J, 2) distorted pixels, of a pinhole camera where the lens is known; 0 where
            not seen.
        weight: (C, F, J) squared score; 0 where not seen.
        sigma_px: (C, F, J) expected error.
    """

    cameras: tuple[str, ...]
    lenses: KnownLenses
    take: NDArray[np.int64]
    frames: NDArray[np.int64]
    time_s: FloatArray
    xy_px: FloatArray
    weight: FloatArray
    sigma_px: FloatArray

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(C, F, J)."""
        return self.weight > 0

    @property
    def twice_seen(self) -> NDArray[np.bool_]:
        """Joints that two views see in a frame, (F, J)."""
        return self.seen.sum(0) >= 2

    @property
    def takes(self) -> int:
        """Number of recordings."""
        return int(self.take.max()) + 1

    @property
    def body(self) -> "Sample":
        """The 12 joints of the body alone."""
        joints = slice(len(BODY_JOINTS))
        return replace(
            self,
            xy_px=self.xy_px[:, :, joints],
            weight=self.weight[:, :, joints],
            sigma_px=self.sigma_px[:, :, joints],
        )

    def every(self, step: int) -> "Sample":
        """Every `step`-th frame."""
        return replace(
            self,
            take=self.take[::step],
            frames=self.frames[::step],
            time_s=self.time_s[::step],
            xy_px=self.xy_px[:, ::step],
            weight=self.weight[:, ::step],
            sigma_px=self.sigma_px[:, ::step],
        )

    def relabelled(self, swapped: NDArray[np.bool_]) -> "Sample":
        """Left and right exchanged in the view-frames marked in (C, F)."""
        joints = self.weight.shape[2]
        pick = np.where(swapped[..., None], MIRROR_ALL[:joints], np.arange(joints))
        return replace(
            self,
            xy_px=np.take_along_axis(self.xy_px, pick[..., None], axis=2),
            weight=np.take_along_axis(self.weight, pick, axis=2),
        )

    def without(self, dropped: NDArray[np.bool_]) -> "Sample":
        """The view-frames marked in (C, F) ignored."""
        return replace(self, weight=np.where(dropped[..., None], 0.0, self.weight))


def choose_sample(
    takes: Sequence[Keypoints2D], count: int, known: Mapping[str, Intrinsics]
) -> Sample:
    """At most `count` frames of every take, far apart from each other in the images.

    Args:
        takes: recordings with the same cameras, each of one person; a camera may be missing in
            some of them.
        count: frames of each.
        known: intrinsics by camera name.

    Raises:
        CalibrationError: too few frames show the person to two cameras.
        InputError: a camera has another picture size in another take, or intrinsics for one.
    """
    size_px = _sizes(takes)
    cameras, lenses = (
        tuple(size_px),
        known_lenses(tuple(size_px), np.array([*size_px.values()]), known),
    )
    parts = [_chosen(take, count, cameras) for take in takes]
    if (found := sum(len(part.frames) for part in parts)) < _MIN_FRAMES:
        raise _too_few(found, sum(map(_frames_in_common, takes)))
    xy = np.concatenate([part.xy for part in parts], axis=1)
    sigma = JOINT_SIGMA * box_diagonal(xy[:, :, : len(BODY_JOINTS)])[..., None] * _SIGMA_FACTOR
    for c in np.flatnonzero(lenses.undone):
        xy[c] = pinhole_pixels(fitted(cameras[c], known[cameras[c]], lenses.size_px[c]), xy[c])
    score = np.concatenate([part.score for part in parts], axis=1)
    return Sample(
        cameras=cameras,
        lenses=lenses,
        take=np.concatenate([np.full(len(part.frames), i) for i, part in enumerate(parts)]),
        frames=np.concatenate([part.frames for part in parts]),
        time_s=np.concatenate([part.time_s for part in parts]),
        xy_px=np.nan_to_num(xy),
        weight=np.where(np.isfinite(xy[..., 0]), score, 0.0) ** 2,
        sigma_px=sigma,
    )


def _sizes(takes: Sequence[Keypoints2D]) -> dict[str, tuple[int, int]]:
    """Width and height of every camera, in the order in which the takes name them."""
    sizes: dict[str, tuple[int, int]] = {}
    for take in takes:
        for name, size in zip(take.cameras, take.size_px, strict=True):
            width, height = (int(n) for n in size)
            if sizes.setdefault(name, (width, height)) != (width, height):
                first = "{}×{}".format(*sizes[name])
                raise InputError(
                    f"{name} has pictures of {first} pixels in one take and of {width}×{height} "
                    "in another",
                    "pool takes of cameras that neither moved nor changed their settings",
                )
    return sizes


@dataclass(frozen=True, eq=False)
class _Chosen:
    """Frames of one take: (F,) ticks and times, (C, F, J, 2) pixels or NaN, (C, F, J) scores."""

    frames: NDArray[np.int64]
    time_s: FloatArray
    xy: FloatArray
    score: FloatArray


def _chosen(keypoints: Keypoints2D, count: int, cameras: tuple[str, ...]) -> _Chosen:
    """At most `count` frames of one take, with its cameras at their places among all.

    Fewer where many cameras see the person: the cost of an adjustment grows with the square of the
    cameras, and each frame tells more.
    """
    known = [i for i, joint in enumerate(JOINTS) if joint in keypoints.skeleton.joints]
    columns = [keypoints.skeleton.index(JOINTS[i]) for i in known]
    body = slice(len(BODY_JOINTS))
    seen = np.isfinite(keypoints.xy_px[:, :, columns, 0]) & (keypoints.score[:, :, columns] > 0)
    useful = np.flatnonzero((seen[:, :, body].sum(0) >= 2).sum(-1) >= _MIN_JOINTS)
    if len(useful) > _POOL:
        useful = useful[np.linspace(0, len(useful) - 1, _POOL).astype(int)]
    visible = np.where(seen[:, useful, :, None], keypoints.xy_px[:, useful][:, :, columns], np.nan)
    views = seen[:, useful][:, :, body].any(-1).sum(0).mean() if len(useful) else 0
    fewer = max(_FEWEST_FRAMES, int(count * _ENOUGH_VIEWS / max(views, _ENOUGH_VIEWS)))
    pick = farthest_frames(visible[:, :, body].astype(np.float64), min(count, fewer))
    frames = useful[pick]
    xy = np.full((len(cameras), len(frames), len(JOINTS), 2), np.nan)
    score = np.zeros(xy.shape[:-1])
    at = np.ix_([cameras.index(name) for name in keypoints.cameras], range(len(frames)), known)
    xy[at] = visible[:, pick]
    score[at] = np.nan_to_num(keypoints.score[:, frames][:, :, columns])
    return _Chosen(frames, keypoints.time_s[frames], xy, score)


def _frames_in_common(keypoints: Keypoints2D) -> int:
    """Frames in which two cameras see something of the person, whatever it is."""
    return int((np.isfinite(keypoints.xy_px[..., 0]).any(-1).sum(0) >= 2).sum())


def _too_few(frames: int, in_common: int) -> CalibrationError:
    if in_common >= _MIN_FRAMES:
        return CalibrationError(
            f"two cameras see the person together in {in_common} frames, but only in {frames} of "
            f"them the same {_MIN_JOINTS} joints or more, shoulders to ankles; at least "
            f"{_MIN_FRAMES} such frames are needed",
            "film the whole person, head to feet, with every camera",
        )
    return CalibrationError(
        f"only {frames} frames show the person to two cameras at once; "
        f"at least {_MIN_FRAMES} are needed",
        "the cameras must see the person together: check that the videos belong to one take "
        "and are synchronised, or film again with the person walking where the views overlap",
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
