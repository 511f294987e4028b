"""A person's detections among those of everybody in a picture, found by the truth.

Triangulation is what is tested, so who is who comes from the truth: in every picture a person gets
the detection nearest to the truth's projection, unless that is far from it. Two people who hide
each other may get the same one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gentri.data import Camera, FloatArray, Keypoints2D, Rig
from gentri.errors import InputError
from gentri.geometry.cameras import project
from gentri.keypoints.recognise import recognise
from gentri.keypoints.recording import Recording
from gentri.keypoints.sources import collect_keypoints, read_recording
from gentri.skeletons import Skeleton

# Mean distance of the joints beyond which a detection is of somebody else, share of the diagonal of
# the box around the truth; whole limbs may be wrong.
_FARTHEST = 0.3
_LEAST_JOINTS = 4  # that both have


class DetectedViews(NamedTuple):
    """Everybody whom the cameras saw: camera name → recording, and the joint set of all."""

    recordings: Mapping[str, Recording]
    skeleton: Skeleton


def read_views(folder: Path, cameras: Sequence[str]) -> DetectedViews:
    """The keypoint files of some cameras of a take, in any layout that gentri reads.

    Args:
        folder: where they are, perhaps among those of other cameras.
        cameras: names; there "hd_" may stand in front, as in the names of Panoptic's videos.

    Raises:
        InputError: there are none of a camera, or they cannot serve.
    """
    paths = collect_keypoints([folder])
    found = {name.removeprefix("hd_"): name for name in paths}
    if missing := [camera for camera in cameras if camera not in found]:
        raise InputError(
            f"{folder} has no detections of {', '.join(missing)}, but of {', '.join(paths)}",
            f"call folders or files after the cameras: {', '.join(cameras)}",
        )
    recordings = {c: read_recording(paths[found[c]], found[c]) for c in cameras}
    return DetectedViews(recordings, recognise(recordings, "auto").skeleton)


def keypoints_of(
    views: DetectedViews, rig: Rig, truth: FloatArray, frame: NDArray[np.int64], fps: float
) -> Keypoints2D:
    """Detections of the person whose joints are known.

    Args:
        views: of cameras called as those of the rig; one that is not there saw nothing.
        rig: C cameras.
        truth: (T, J, 3) joints of the views' joint set, metres; NaN where not known.
        frame: (T,) ascending numbers of the frames in the files.
        fps: frames per second.
    """
    shape = (len(rig.cameras), *truth.shape[:2])
    xy = np.full((*shape, 2), np.nan, dtype=np.float32)
    score = np.full(shape, np.nan, dtype=np.float32)
    for c, camera in enumerate(rig.cameras):
        if (recording := views.recordings.get(camera.name)) is not None:
            tick, row = _nearest(recording, camera, truth, frame)
            xy[c, tick], score[c, tick] = recording.xy_px[row], recording.score[row]
    size_px = np.array([(c.width, c.height) for c in rig.cameras], dtype=np.int32)
    return Keypoints2D(xy, score, frame / fps, rig.names, size_px, views.skeleton)


def _nearest(
    recording: Recording, camera: Camera, truth: FloatArray, frame: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ticks that have a detection, and its row in the recording."""
    number = np.repeat(recording.number, recording.count)
    tick = np.searchsorted(frame, number)
    rows = np.flatnonzero(frame[np.minimum(tick, len(frame) - 1)] == number)
    tick = tick[rows]
    expected = project(camera, truth)[tick]
    offset = np.linalg.norm(recording.xy_px[rows] - expected, axis=-1)
    both = np.isfinite(offset)
    distance = np.where(both, offset, 0.0).sum(axis=-1) / np.maximum(both.sum(axis=-1), 1)
    seen = np.isfinite(expected)
    box = np.where(seen, expected, -np.inf).max(axis=1) - np.where(seen, expected, np.inf).min(
        axis=1
    )
    close = (both.sum(axis=-1) >= _LEAST_JOINTS) & (
        distance <= _FARTHEST * np.linalg.norm(box, axis=-1)
    )
    order = np.lexsort((distance, tick))
    order = order[close[order]]
    ticks, first = np.unique(tick[order], return_index=True)
    return ticks, rows[order[first]]
