"""OpenPose JSON: one file per frame, with `pose_keypoints_2d` (x, y, score, x, y …) per person.

Written by OpenPose (--write_json), Pose2Sim and EasyMocap; BODY_25 and every other joint set that
these put there. Hands and face in fields of their own are not read.
"""

from typing import Any

import numpy as np

from gentri.keypoints.gather import Person, person_of
from gentri.skeletons import SKELETONS

_JOINT_COUNTS = {len(skeleton) for skeleton in SKELETONS.values()}


def people_of(content: dict[str, Any]) -> list[Person]:
    """Everyone in a frame who has body joints.

    Raises:
        ValueError, KeyError, TypeError: it is laid out otherwise.
    """
    # A person without body joints may have hands or a face alone.
    flat = (person.get("pose_keypoints_2d") for person in content["people"] or ())
    return [_person(values) for values in flat if values]


def _person(flat: list[float | None]) -> Person:
    values = np.array(flat, dtype=np.float32)
    if values.ndim != 1:
        raise ValueError("pose_keypoints_2d is not a flat list")
    # Scores may be absent. 16 × 3 is no number of joints × 2 that gentri knows, and so on.
    has_scores = len(values) % 3 == 0 and len(values) // 3 in _JOINT_COUNTS
    if not has_scores and len(values) % 2 == 0 and len(values) // 2 in _JOINT_COUNTS:
        return person_of(values.reshape(-1, 2), None)
    if len(values) % 3:
        raise ValueError(f"{len(values)} numbers in pose_keypoints_2d, needed x, y and score each")
    rows = values.reshape(-1, 3)
    return person_of(rows[:, :2], rows[:, 2])
