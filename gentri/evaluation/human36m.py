"""Human3.6M from a user's copy, in the layouts that circulate.

- learnable-triangulation-pytorch: `human36m-multiview-labels-GTbboxes.npy` has cameras and truth,
  of every fifth frame (10 Hz). Detections are keypoint files of the user's, in any layout that
  gentri reads, under `<subject>/<action>/<camera>`, or `<subject>/<action>/imageSequence/<camera>`
  as the pictures are.
- VideoPose3D: `data_3d_h36m.npz` has the truth, `data_2d_h36m_….npz` detections, without
  confidences, both at 50 Hz; cameras come from a file of their own.
- 3d-pose-baseline, from which VideoPose3D's files are made: see `human36m_h5`.

The first names actions otherwise than the others (`Directions-2`, `Directions`) and is not mixed
with them. The truth of three actions of S9 is displaced (DAMAGED); they are left out, as in the
literature.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.errors import InputError
from gentri.evaluation import human36m_h5
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
# The dataset lacks this video; its action is called either.
LOST = {("S11", action, "54138969") for action in ("Directions-2", "Directions")}
# One frame in five is in the labels of learnable-triangulation-pytorch; of VideoPose3D's truth the
# same share is asked for, so that both layouts test the same frames a second.
EVERY = 5

_MM = 1e-3
# The joints of `H36M17` among the 32 of the dataset.
_OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
# Those of the labels: MPII's order, and the base of the neck behind.
_LABELLED = (*MPII16.joints[:7], "spine", "thorax", "head", *MPII16.joints[10:], "neck_base")
_PICTURES = "imageSequence"
_LAYOUTS: dict[str, Skeleton] = {"h36m": H36M17, "coco": COCO17, "mpii": MPII16}


def read_labels(
    labels: Path,
    keypoints: Path,
    *,
    subjects: Sequence[str] = TEST_SUBJECTS,
    views: Sequence[str] = CAMERAS,
    first_number: int = 1,
) -> tuple[EvaluationSet, ...]:
    """One set per subject, one clip per action, from labels and keypoint files.

    Args:
        labels: the `.npy` file.
        keypoints: folder with `<subject>/<action>/<camera>`, where `imageSequence` may stand
            before the camera.
        subjects: to read.
        views: two or more of `CAMERAS`, in the order of the rig; detections of others need not be
            there. An action that fewer than two of them recorded is left out.
        first_number: number in the files of keypoints that the first frame has: the dataset's
            pictures begin with img_000001.

    Raises:
        InputError: a file is absent or laid out otherwise.
    """
    rigs, content = read_cameras(labels), load_numpy(labels)
    sets = []
    for subject in subjects:
        rig = _rig_of(subject, rigs, labels).select(tuple(views))
        table = content["table"]
        mine = table[table["subject_idx"] == list(content["subject_names"]).index(subject)]
        clips = []
        for number, action in enumerate(content["action_names"]):
            rows = mine[mine["action_idx"] == number]
            cameras = _serving(subject, action, views)
            if not len(rows) or len(cameras) < 2:
                continue
            rows = rows[np.argsort(rows["frame_idx"])]
            detected = read_views(_among_pictures(keypoints / subject / action), cameras)
            truth = mapped(rows["keypoints"].astype(float) * _MM, _LABELLED, detected.skeleton)
            frame = rows["frame_idx"].astype(np.int64) + first_number
            clips.append((keypoints_of(detected, rig, truth, frame, FPS), truth))
        sets.append(_joined(subject, rig, clips, labels))
    return tuple(sets)


def read_positions(
    positions_3d: Path,
    positions_2d: Path,
    cameras: Path,
    *,
    subjects: Sequence[str] = TEST_SUBJECTS,
    views: Sequence[str] = CAMERAS,
    every: int = EVERY,
) -> tuple[EvaluationSet, ...]:
    """One set per subject, one clip per action, from files of VideoPose3D or 3d-pose-baseline.

    Detections are of all frames; a score of 1 stands for the confidences that the files lack.

    Args:
        positions_3d: `data_3d_h36m.npz`, metres, or the folder of 3d-pose-baseline's subjects.
        positions_2d: `data_2d_h36m_….npz`, pixels, or the folder of 3d-pose-baseline's subjects.
        cameras: a file that `read_cameras` reads.
        subjects: to read.
        views: two or more of `CAMERAS`, in the order of the rig; detections of others need not be
            there. An action that fewer than two of them recorded is left out.
        every: of how many frames the truth of one is asked for.

    Raises:
        InputError: a file is absent or laid out otherwise.
    """
    rigs = read_cameras(cameras)
    truth = _truth(positions_3d, subjects)
    seen, skeleton = _detections(positions_2d, subjects, views)
    sets = []
    for subject in subjects:
        rig = _rig_of(subject, rigs, cameras).select(tuple(views))
        found = _of_subject(seen, subject, positions_2d)
        clips = []
        for action, xyz in _of_subject(truth, subject, positions_3d).items():
            serving = _serving(subject, action, views)
            if len(serving) < 2:
                continue
            if missing := [c for c in serving if c not in found.get(action, {})]:
                raise InputError(
                    f"{positions_2d} has no detections of {subject} {action} by "
                    f"{', '.join(missing)}",
                    "take truth and detections from one source",
                )
            source = f"{positions_2d}: {subject} {action}"
            joints = mapped(np.asarray(xyz, dtype=float)[:, _OF_32], H36M17.joints, skeleton)
            clips.append((_keypoints(found[action], len(joints), rig, skeleton, source), joints))
        sets.append(_joined(subject, rig, clips, positions_3d).asked_every(every))
    return tuple(sets)


def _serving(subject: str, action: str, views: Sequence[str]) -> list[str]:
    """Those of the cameras that recorded an action; none where its truth is displaced."""
    if (subject, action) in DAMAGED:
        return []
    return [view for view in views if (subject, action, view) not in LOST]


def _among_pictures(folder: Path) -> Path:
    """Where detections of an action are: in its folder, or where the dataset has the pictures."""
    return folder / _PICTURES if (folder / _PICTURES).is_dir() else folder


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


def _truth(path: Path, subjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Subject → action → joints (T, 32, 3), metres."""
    if path.is_dir():
        return {subject: human36m_h5.read_truth(path, subject) for subject in subjects}
    return _member(path, "positions_3d")[0]


def _detections(
    path: Path, subjects: Sequence[str], views: Sequence[str]
) -> tuple[dict[str, dict[str, dict[str, Any]]], Skeleton]:
    """Subject → action → camera → joints (T, J, 2), pixels; and the joint set."""
    if path.is_dir():
        read = human36m_h5.read_detections
        return {subject: read(path, subject, views) for subject in subjects}, MPII16
    content, metadata = _member(path, "positions_2d")
    seen = {
        subject: {a: dict(zip(CAMERAS, arrays, strict=False)) for a, arrays in actions.items()}
        for subject, actions in content.items()
    }
    return seen, _detected_skeleton(metadata, path)


def _member(path: Path, key: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Values by subject and action, and the metadata beside them, if any."""
    content = load_numpy(path)
    subjects = content.get(key) if isinstance(content, dict) else None
    if not isinstance(subjects, dict) or not all(isinstance(s, dict) for s in subjects.values()):
        raise InputError(f"{path} has no {key}", "give the file as VideoPose3D made it")
    return subjects, content.get("metadata", {})


def _of_subject(content: dict[str, dict[str, Any]], subject: str, path: Path) -> dict[str, Any]:
    if subject not in content:
        raise InputError(
            f"{path} has no {subject}, but {', '.join(content)}", "choose among these subjects"
        )
    return content[subject]


def _detected_skeleton(metadata: dict[str, Any], path: Path) -> Skeleton:
    """As the metadata say; without a name it is the dataset's 17, or 16 of stacked hourglasses."""
    unnamed = "mpii" if metadata.get("num_joints") == len(MPII16) else "h36m"
    layout = metadata.get("layout_name", unnamed)
    if layout not in _LAYOUTS:
        raise InputError(
            f"{path} has joints in the layout {layout!r}", f"known: {', '.join(_LAYOUTS)}"
        )
    return _LAYOUTS[layout]


def _keypoints(
    views: Mapping[str, Any], ticks: int, rig: Rig, skeleton: Skeleton, source: str
) -> Keypoints2D:
    """Detections of as many frames as have truth: videos run on for a few more."""
    xy = np.full((len(rig.cameras), ticks, len(skeleton), 2), np.nan, dtype=np.float32)
    for c, name in enumerate(rig.names):
        if name not in views:
            continue
        shape = np.shape(views[name])
        if len(shape) != 3 or shape[0] < ticks or shape[1] != len(skeleton) or shape[2] < 2:
            raise InputError(
                f"{source}: {name} has an array of {shape}",
                f"needed: at least {ticks} frames, {len(skeleton)} joints, x and y",
            )
        xy[c] = np.asarray(views[name], dtype=np.float32)[:ticks, :, :2]
    seen = np.isfinite(xy).all(axis=-1)
    score = np.where(seen, 1.0, np.nan).astype(np.float32)
    size_px = np.array([(c.width, c.height) for c in rig.cameras], dtype=np.int32)
    return Keypoints2D(xy, score, np.arange(ticks) / FPS, rig.names, size_px, skeleton)
