"""Everyone in one camera, from the people of its frames: who counts, and who is who."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, FloatArray
from gentri.people.tracks import Tracker, distinct_people
from gentri.skeletons import Skeleton

# Fewer joints of the body than this are a fragment, of which nothing can be said.
_LEAST_BODY_JOINTS = 3

# Joints (P, J, 2), scores (P, J), boxes (P, 4) of a frame; identities (P,) where they are known.
FramePeople = tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int32] | None]


def credible_people(
    xy: FloatArray, score: FloatArray, box: FloatArray, skeleton: Skeleton, pose_score_min: float
) -> NDArray[np.int64]:
    """Positions of the people of a frame who are likely there, each once, in their order.

    Args:
        xy: (P, J, 2) pixels, NaN where not seen.
        score: (P, J), NaN where not seen.
        box: (P, 4).
        skeleton: of the joints.
        pose_score_min: mean score of the joints seen of the body; below it a pose is made up.
    """
    known = np.nan_to_num(score)
    # Hands and faces, most joints of some sets, are hidden in every second view.
    body, seen = known[:, skeleton.body], np.isfinite(score[:, skeleton.body]).sum(-1)
    fits = (seen >= _LEAST_BODY_JOINTS) & (body.sum(-1) >= pose_score_min * seen)
    credible = np.flatnonzero(fits)
    quality = known[credible].mean(-1)
    return credible[distinct_people(xy[credible], box[credible], quality, skeleton)]


def everyone(
    frames: Iterable[FramePeople],
    count: int,
    slots: int,
    size_px: tuple[int, int],
    skeleton: Skeleton,
    gap_frames: int,
) -> Detections:
    """The people of successive frames as one array, with identities.

    Args:
        frames: `count` of them, with at most `slots` people each.
        count: of the frames.
        slots: P of the result.
        size_px: width and height of the video.
        skeleton: of the joints.
        gap_frames: a person unseen for more frames is a new one when seen again.
    """
    seen = nobody(count, slots, size_px, skeleton)
    tracker = Tracker(skeleton, gap_frames)
    for frame, (xy, score, box, track) in enumerate(frames):
        n = len(box)
        seen.xy_px[frame, :n], seen.score[frame, :n], seen.box_px[frame, :n] = xy, score, box
        seen.track[frame, :n] = tracker.update(xy, box) if track is None else track
    return seen


def nobody(count: int, slots: int, size_px: tuple[int, int], skeleton: Skeleton) -> Detections:
    """Frames without anybody."""
    shape = (count, slots)
    return Detections(
        np.full((*shape, len(skeleton), 2), np.nan, dtype=np.float32),
        np.full((*shape, len(skeleton)), np.nan, dtype=np.float32),
        np.full((*shape, 4), np.nan, dtype=np.float32),
        np.full(shape, -1, dtype=np.int32),
        *size_px,
        skeleton,
    )
