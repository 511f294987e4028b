"""Human3.6M from a user's copy, in the two layouts that circulate.

- learnable-triangulation-pytorch: `human36m-multiview-labels-GTbboxes.npy` has cameras and truth,
  of every fifth frame (10 Hz). Detections are keypoint files of the user's, in any layout that
  gentri reads, under `<subject>/<action>/<camera>`, as the pictures are.
- VideoPose3D (and 3d-pose-baseline, from which its files are made): `data_3d_h36m.npz` has the
  truth, `data_2d_h36m_….npz` detections, without confidences, both at 50 Hz; cameras come from a
  file of their own.

The layouts name actions differently (`Directions-2`, `Directions`) and are not mixed. The truth of
three actions of S9 is displaced (DAMAGED); they are left out, as in the literature.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.errors import InputError
from gentri.evaluation.detections import keypoints_of, read_views
from gentri.evaluation.human36m_cameras import CAMERAS, read_cameras
from gentri.evaluation.protocols import TEST_SUBJECTS
from gentri.evaluation.restricted_pickle import load_numpy
from gentri.evaluation.suites import EvaluationSet, joined, mapped
from gentri.skeletons import COCO17, H36M17, MPII16, Skeleton

FPS = 50.0
DAMAGED = {
    *(("S9", action) for action in ("Greeting-2", "SittingDown-2", "Waiting-1")),
    *(("S9", action) for action in ("Greeting", "SittingDown 1", "Waiting 1")),
}
LOST = ("S11", "Directions-2", "54138969")  # the dataset lacks this video
# One frame in five is in the labels of learnable-triangulation-pytorch; of VideoPose3D's truth the
# same share is asked for, so that both layouts test the same frames a second.
EVERY = 5

_MM = 1e-3
# The joints of `H36M17` among the 32 of the dataset.
_OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
# Those of the labels: MPII's order, and the base of the neck behind.
_LABELLED = (*MPII16.joints[:7], "spine", "thorax", "head", *MPII16.joints[10:], "neck_base")
_LAYOUTS: dict[str, Skeleton] = {"h36m": H36M17, "coco": COCO17, "mpii": MPII16}


def read_labels(
    labels: Path,
    keypoints: Path,
    *,
    subjects: Sequence[str] = TEST_SUBJECTS,
    first_number: int = 1,
) -> tuple[EvaluationSet, ...]:
    """One set per subject, one clip per action, from labels and keypoint files.

    Args:
        labels: the `.npy` file.
        keypoints: folder with `<subject>/<action>/<camera>`.
        subjects: to read.
        first_number: number in the files of keypoints that the first frame has: the dataset's
            pictures begin with img_000001.

    Raises:
        InputError: a file is absent or laid out otherwise.
    """
    rigs, content = read_cameras(labels), load_numpy(labels)
    sets = []
    for subject in subjects:
        rig = _rig_of(subject, rigs, labels)
        table = content["table"]
        mine = table[table["subject_idx"] == list(content["subject_names"]).index(subject)]
        clips = []
        for number, action in enumerate(content["action_names"]):
            rows = mine[mine["action_idx"] == number]
            if not len(rows) or (subject, action) in DAMAGED:
                continue
            rows = rows[np.argsort(rows["frame_idx"])]
            cameras = [c for c in CAMERAS if (subject, action, c) != LOST]
            views = read_views(keypoints / subject / action, cameras)
            truth = mapped(rows["keypoints"].astype(float) * _MM, _LABELLED, views.skeleton)
            frame = rows["frame_idx"].astype(np.int64) + first_number
            clips.append((keypoints_of(views, rig, truth, frame, FPS), truth))
        sets.append(_joined(subject, rig, clips, labels))
    return tuple(sets)


def read_positions(
    positions_3d: Path,
    positions_2d: Path,
    cameras: Path,
    *,
    subjects: Sequence[str] = TEST_SUBJECTS,
    every: int = EVERY,
) -> tuple[EvaluationSet, ...]:
    """One set per subject, one clip per action, from the files of VideoPose3D.

    Detections are of all frames; a score of 1 stands for the confidences that the files lack.

    Args:
        positions_3d: `data_3d_h36m.npz`, metres.
        positions_2d: `data_2d_h36m_….npz`, pixels.
        cameras: a file that `read_cameras` reads.
        subjects: to read.
        every: of how many frames the truth of one is asked for.

    Raises:
        InputError: a file is absent or laid out otherwise.
    """
    rigs = read_cameras(cameras)
    truth, _ = _member(positions_3d, "positions_3d")
    seen, metadata = _member(positions_2d, "positions_2d")
    skeleton = _detected_skeleton(metadata, positions_2d)
    sets = []
    for subject in subjects:
        rig = _rig_of(subject, rigs, cameras)
        clips = []
        for action, xyz in _of_subject(truth, subject, positions_3d).items():
            if (subject, action) in DAMAGED:
                continue
            if action not in _of_subject(seen, subject, positions_2d):
                raise InputError(
                    f"{positions_2d} has no detections of {subject} {action}",
                    "take both files from one source",
                )
            views = seen[subject][action]
            source = f"{positions_2d}: {subject} {action}"
            joints = mapped(np.asarray(xyz, dtype=float)[:, _OF_32], H36M17.joints, skeleton)
            clips.append((_keypoints(views, len(joints), rig, skeleton, source), joints))
        sets.append(_joined(subject, rig, clips, positions_3d).asked_every(every))
    return tuple(sets)


def _rig_of(subject: str, rigs: dict[str, Rig], path: Path) -> Rig:
    if subject not in rigs:
        raise InputError(
            f"{path} has no cameras of {subject}, but of {', '.join(rigs)}",
            "give a file with the cameras of the subjects to test",
        )
    return rigs[subject]


def _joined(
    subject: str, rig: Rig, clips: list[tuple[Keypoints2D, FloatArray]], path: Path
) -> EvaluationSet:
    if not clips:
        raise InputError(f"{path} has no frame of {subject}", "give a file that has")
    return joined(subject, rig, clips)


def _member(path: Path, key: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Values by subject and action, and the metadata beside them, if any."""
    content = load_numpy(path)
    if not isinstance(content, dict) or not isinstance(content.get(key), dict):
        raise InputError(f"{path} has no {key}", "give the file as VideoPose3D made it")
    return content[key], content.get("metadata", {})


def _of_subject(content: dict[str, dict[str, Any]], subject: str, path: Path) -> dict[str, Any]:
    if subject not in content:
        raise InputError(
            f"{path} has no {subject}, but {', '.join(content)}", "choose among these subjects"
        )
    return content[subject]


def _detected_skeleton(metadata: dict[str, Any], path: Path) -> Skeleton:
    """As the metadata say; files of projected truth say nothing and have the dataset's 17."""
    layout = metadata.get("layout_name", "h36m")
    if layout not in _LAYOUTS:
        raise InputError(
            f"{path} has joints in the layout {layout!r}", f"known: {', '.join(_LAYOUTS)}"
        )
    return _LAYOUTS[layout]


def _keypoints(
    views: Sequence[Any], ticks: int, rig: Rig, skeleton: Skeleton, source: str
) -> Keypoints2D:
    """Detections of as many frames as have truth: videos run on for a few more."""
    shapes = [np.shape(view) for view in views]
    if len(shapes) != len(CAMERAS) or any(
        len(s) != 3 or s[0] < ticks or s[1] != len(skeleton) for s in shapes
    ):
        raise InputError(
            f"{source} has arrays of {', '.join(map(str, shapes))}",
            f"needed: {len(CAMERAS)} of at least {ticks} frames and {len(skeleton)} joints",
        )
    xy = np.stack([np.asarray(view, dtype=np.float32)[:ticks, :, :2] for view in views])
    seen = np.isfinite(xy).all(axis=-1)
    score = np.where(seen, 1.0, np.nan).astype(np.float32)
    size_px = np.array([(c.width, c.height) for c in rig.cameras], dtype=np.int32)
    return Keypoints2D(xy, score, np.arange(ticks) / FPS, rig.names, size_px, skeleton)
