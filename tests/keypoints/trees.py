"""Keypoint files as other programs lay them out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

CLIP = Path(__file__).parents[2] / "examples" / "balance"

# A person: rows of x, y and, if there are scores, score; 0 0 0 where a joint was not detected.
Rows = Any


def openpose_clip(name: str = "openpose_body25b.json") -> dict[str, list[list[Rows]]]:
    """OpenPose's BODY_25B people of the demo clip: camera → frame → people → rows."""
    return json.loads((CLIP / name).read_text(encoding="utf-8"))["people2d"]


def write_openpose(
    folder: Path,
    people: Iterable[Sequence[Rows]],
    name: str = "{:06d}_keypoints.json",
    first: int = 0,
) -> Path:
    """One file per frame, as OpenPose's --write_json and Pose2Sim write them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(people, first):
        listed = [
            {"person_id": [-1], "pose_keypoints_2d": np.asarray(rows, float).ravel().tolist()}
            for rows in frame
        ]
        content = {"version": 1.3, "people": listed}
        (folder / name.format(number)).write_text(json.dumps(content))
    return folder


def write_mmpose(
    path: Path, people: Iterable[Sequence[Rows]], meta: Mapping[str, Any] | None = None
) -> Path:
    """One file per video, as MMPoseInferencer writes it; with `meta` as the demo scripts do."""
    frames = [
        {"frame_id": number, "instances": [_instance(rows) for rows in frame]}
        for number, frame in enumerate(people)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = frames if meta is None else {"meta_info": meta, "instance_info": frames}
    path.write_text(json.dumps(content, indent="  "))
    return path


def _instance(rows: Rows) -> dict[str, Any]:
    values = np.asarray(rows, float)
    low, high = values[:, :2].min(0), values[:, :2].max(0)
    instance: dict[str, Any] = {
        "keypoints": values[:, :2].tolist(),
        "bbox": [[*low, *high]],
        "bbox_score": 0.9,
    }
    if values.shape[1] == 3:
        instance["keypoint_scores"] = values[:, 2].tolist()
    return instance
