"""Prediction JSON of MMPose: one file per video, or one per picture.

`MMPoseInferencer(..., pred_out_dir=...)` writes a list of {frame_id, instances} for a video and a
bare list of instances for a picture; the demo scripts put either under `instance_info`, beside
`meta_info` with the names of the joints.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gentri.keypoints.gather import Frame, Person, person_of, recording_of
from gentri.keypoints.json_file import misshapen, read_json
from gentri.keypoints.recording import Recording


def people_of(instances: list[Any] | None) -> list[Person]:
    """Everyone in a picture who has joints.

    Raises:
        ValueError, KeyError, TypeError: it is laid out otherwise.
    """
    shown = (one for one in instances or () if one.get("keypoints"))
    return [person_of(one["keypoints"], one.get("keypoint_scores")) for one in shown]


def read_video(path: Path) -> Recording:
    """The predictions for one video.

    Raises:
        InputError: the file does not hold them, or nobody is in it.
    """
    content = read_json(path)
    try:
        meta = content.get("meta_info", {}) if isinstance(content, dict) else {}
        listed = content["instance_info"] if isinstance(content, dict) else content
        frames = list(_frames(listed, path))
        names = meta.get("keypoint_id2name", {})
        joints = tuple(str(names[key]) for key in sorted(names, key=int))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise misshapen(path, error) from error
    if not frames:
        raise misshapen(path, "no frame is in it")
    return recording_of(frames, joints)


def _frames(listed: list[Any], path: Path) -> Iterator[Frame]:
    for place, frame in enumerate(listed):
        number = int(frame.get("frame_id", place))
        yield Frame(number, people_of(frame["instances"]), path)
