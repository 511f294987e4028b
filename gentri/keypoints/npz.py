"""gentri's own npz: everyone in one camera (Detections), or one person in all (Keypoints2D)."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from gentri.data import Detections, Keypoints2D
from gentri.errors import InputError, UsageError
from gentri.keypoints.recording import Recording
from gentri.keypoints.scores import unit_scores


def cameras_of(path: Path) -> tuple[str, ...]:
    """Names of the cameras in a file of all cameras; none where it is of one.

    Raises:
        InputError: the file is not one of these.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as z:
            if all(name in z for name in ("cameras", "xy_px", "size_px")):
                return tuple(str(name) for name in z["cameras"])
            if all(name in z for name in ("track", "xy_px", "size_px")) and "count" not in z:
                return ()
            found = ", ".join(z.files) or "nothing"
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}", "check the file") from error
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        found = str(error)
    raise InputError(
        f"{path} is not a keypoint file of gentri: found {found}",
        "give what Detections.save or Keypoints2D.save wrote, such as detect/cam01.npz",
    )


def is_keypoints(path: Path) -> bool:
    """Whether it is one of these files."""
    try:
        cameras_of(path)
    except InputError:
        return False
    return True


def read_npz(path: Path, place: int) -> Recording:
    """What a file says of a camera.

    Args:
        path: the file.
        place: of the camera in a file of all cameras.

    Raises:
        InputError: the file is damaged, or shows nobody.
    """
    of_all = bool(cameras_of(path))
    try:
        found = _one_of_all(Keypoints2D.load(path), place) if of_all else _of_one(path)
    except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
        raise InputError(f"{path} is damaged: {error}", "write it again") from error
    except UsageError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from error
    if not len(found.score):
        raise InputError(f"nobody is in any frame of {path}", "leave this camera out")
    return found


def _of_one(path: Path) -> Recording:
    seen = Detections.load(path)
    present = seen.track >= 0
    return Recording(
        **_joints(seen.xy_px[present], seen.score[present]),
        number=np.arange(len(present), dtype=np.int64),
        count=present.sum(axis=1, dtype=np.int32),
        box_px=seen.box_px[present],
        track=seen.track[present],
        joints=seen.skeleton.joints,
        skeleton=seen.skeleton.name,
        time_s=np.empty(0),
        size_px=np.array([seen.width, seen.height], dtype=np.int32),
    )


def _one_of_all(keypoints: Keypoints2D, place: int) -> Recording:
    keypoints.require_ascending()
    xy, score = keypoints.xy_px[place], keypoints.score[place]
    present = np.isfinite(xy).all(-1).any(-1)
    shown = _joints(xy[present], score[present])
    low, high = np.nanmin(shown["xy_px"], axis=1), np.nanmax(shown["xy_px"], axis=1)
    return Recording(
        **shown,
        number=np.arange(len(xy), dtype=np.int64),
        count=present.astype(np.int32),
        box_px=np.concatenate([low, high], axis=1),
        track=np.zeros(int(present.sum()), dtype=np.int32),
        joints=keypoints.skeleton.joints,
        skeleton=keypoints.skeleton.name,
        time_s=keypoints.time_s,
        size_px=keypoints.size_px[place],
    )


def _joints(xy_px: Any, score: Any) -> dict[str, Any]:
    """Joints (N, J, 2) and scores (N, J) that agree on what was seen; without scores, 1 each."""
    seen = np.isfinite(xy_px).all(-1)
    known = np.where(np.isfinite(score), score, np.float32(1.0))
    unit, said = unit_scores(xy_px, known)
    return {
        "xy_px": np.where(seen[..., None], xy_px, np.float32(np.nan)),
        "score": unit,
        "said_of_scores": said,
    }
