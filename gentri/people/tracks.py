"""The same person from frame to frame within one camera's view.

People are matched by the overlap of their boxes and by object keypoint similarity (OKS, the COCO
keypoint metric) with the poses that recent motion predicts; the assignment is the best over all
people at once (Kuhn 1955, scipy's `linear_sum_assignment`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from gentri.data import FloatArray
from gentri.skeletons import COCO17, Skeleton

# COCO's standard deviations of human annotation, share of the root of the person's area, per joint.
_COCO_SIGMA = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
_PERSON_SHARE_OF_BOX = 0.53  # mean area of a person over that of the box in COCO
# Between frames people move, which annotators of one picture do not: the same person scores 0.3 and
# more, another one beside it hardly 0.1 (share of OKS and IoU, each half).
_SAME_MIN = 0.2
_DUPLICATE_OKS = 0.7  # two poses in one frame that share more are one person
# Share of the new velocity in the running one: the mean over about three frames.
_VELOCITY_GAIN = 0.4
_MOTION_FRAMES = 5  # a vanished person is carried on by its velocity for so long, then stays


@dataclass(frozen=True)
class OksJoints:
    """The joints of a skeleton for which COCO knows a standard deviation.

    Attributes:
        index: (K,) positions in the skeleton.
        sigma: (K,) share of the root of the person's area.
    """

    index: NDArray[np.int64]
    sigma: FloatArray

    @classmethod
    def of(cls, skeleton: Skeleton) -> "OksJoints":
        """By joint names."""
        parts = [j.removeprefix("left_").removeprefix("right_") for j in skeleton.joints]
        known = [i for i, joint in enumerate(skeleton.joints) if joint in COCO17.joints]
        sigma = [_COCO_SIGMA[parts[i]] for i in known]
        return cls(np.array(known, dtype=np.int64), np.array(sigma))


def oks(a_xy: FloatArray, b_xy: FloatArray, area: FloatArray, joints: OksJoints) -> FloatArray:
    """Object keypoint similarity of poses.

    Args:
        a_xy: (A, J, 2) pixels, NaN where not seen.
        b_xy: (B, J, 2).
        area: (A, B) or broadcastable, area of the person, pixels².
        joints: which joints count and how much they vary.

    Returns:
        (A, B) in 0–1, 0 for poses without a common joint.
    """
    a, b = a_xy[:, None, joints.index], b_xy[None, :, joints.index]
    squared = ((a - b) ** 2).sum(-1)
    spread = np.maximum(np.broadcast_to(area, squared.shape[:2]), 1.0)[..., None]
    agreement = np.exp(-squared / (2 * spread * (2 * joints.sigma) ** 2))
    seen = np.isfinite(agreement)
    total = np.where(seen, agreement, 0.0).sum(-1)
    return total / np.maximum(seen.sum(-1), 1)


def iou(a_box: FloatArray, b_box: FloatArray) -> FloatArray:
    """Overlap over union (A, B) of boxes (A, 4) and (B, 4) x0 y0 x1 y1."""
    low = np.maximum(a_box[:, None, :2], b_box[None, :, :2])
    high = np.minimum(a_box[:, None, 2:], b_box[None, :, 2:])
    overlap = np.maximum(high - low, 0).prod(-1)
    union = box_area(a_box)[:, None] + box_area(b_box)[None] - overlap
    return overlap / np.maximum(union, 1e-9)


def box_area(box: FloatArray) -> FloatArray:
    """Areas (N,) of boxes (N, 4), pixels²."""
    return np.maximum(box[:, 2:] - box[:, :2], 0).prod(-1)


def distinct_people(
    xy: FloatArray, box: FloatArray, quality: FloatArray, skeleton: Skeleton
) -> NDArray[np.int64]:
    """Drop second detections of one person.

    Args:
        xy: (N, J, 2) pixels.
        box: (N, 4).
        quality: (N,) the better of two duplicates stays.
        skeleton: of the joints.

    Returns:
        positions of those that stay, in their original order.
    """
    if len(xy) < 2:
        return np.arange(len(xy))
    area = box_area(box) * _PERSON_SHARE_OF_BOX
    similar = oks(xy, xy, np.minimum(area[:, None], area[None]), OksJoints.of(skeleton))
    keep: list[int] = []
    for person in np.argsort(-quality, kind="stable"):
        if all(similar[person, other] <= _DUPLICATE_OKS for other in keep):
            keep.append(int(person))
    return np.array(sorted(keep), dtype=np.int64)


@dataclass(eq=False)
class _Track:
    """A person as last seen, and how it moved."""

    id: int
    xy: FloatArray
    box: FloatArray
    velocity: FloatArray  # (2,) pixels per frame, of the whole person
    frame: int

    def expected(self, frame: int) -> tuple[FloatArray, FloatArray]:
        """Pose (J, 2) and box (4,) at a later frame."""
        shift = self.velocity * min(frame - self.frame, _MOTION_FRAMES)
        return self.xy + shift, self.box + np.tile(shift, 2)

    def see(self, xy: FloatArray, box: FloatArray, frame: int) -> None:
        """Take over a matched detection."""
        moved = xy - self.xy
        moved = moved[np.isfinite(moved).all(-1)]
        if len(moved):
            new = np.median(moved, axis=0) / (frame - self.frame)
            self.velocity = self.velocity + _VELOCITY_GAIN * (new - self.velocity)
        self.xy, self.box, self.frame = xy, box, frame


class Tracker:
    """Gives the people of successive frames their identities; holds only who was seen lately.

    Args:
        skeleton: of the joints.
        gap_frames: a person unseen for more frames is a new one when seen again.
    """

    def __init__(self, skeleton: Skeleton, gap_frames: int) -> None:
        self.joints = OksJoints.of(skeleton)
        self.gap_frames = gap_frames
        self._tracks: list[_Track] = []
        self._frame = -1
        self._next_id = 0

    def update(self, xy: FloatArray, box: FloatArray) -> NDArray[np.int32]:
        """Identities (N,) of the people of the next frame.

        Args:
            xy: (N, J, 2) pixels, NaN where not seen.
            box: (N, 4).
        """
        self._frame += 1
        self._tracks = [t for t in self._tracks if self._frame - t.frame <= self.gap_frames + 1]
        xy, box = xy.astype(np.float64), box.astype(np.float64)
        ids = np.full(len(xy), -1, dtype=np.int32)
        for track, person in self._match(xy, box):
            track.see(xy[person], box[person], self._frame)
            ids[person] = track.id
        for person in np.flatnonzero(ids < 0):
            ids[person] = self._start(xy[person], box[person])
        return ids

    def _match(self, xy: FloatArray, box: FloatArray) -> list[tuple[_Track, int]]:
        if not self._tracks or not len(xy):
            return []
        expected = [t.expected(self._frame) for t in self._tracks]
        pose, place = (np.stack(part) for part in zip(*expected, strict=True))
        area = _PERSON_SHARE_OF_BOX * (box_area(place)[:, None] + box_area(box)[None]) / 2
        same = (oks(pose, xy, area, self.joints) + iou(place, box)) / 2
        # A pair that cannot be one person must cost the same however unlike it is: else the best
        # sum gives up a good pair to make a hopeless one less bad.
        rows, columns = linear_sum_assignment(-np.where(same >= _SAME_MIN, same, 0.0))
        pairs = zip(rows, columns, strict=True)
        return [(self._tracks[r], int(c)) for r, c in pairs if same[r, c] >= _SAME_MIN]

    def _start(self, xy: FloatArray, box: FloatArray) -> int:
        self._tracks.append(_Track(self._next_id, xy, box, np.zeros(2), self._frame))
        self._next_id += 1
        return self._next_id - 1
