"""A small copy of Human3.6M made of walkers, in the layouts that circulate."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gentri.data import Camera, Rig
from gentri.evaluation.human36m_cameras import CAMERAS, SIZES_PX
from gentri.geometry.cameras import project
from gentri.skeletons import COCO17, H36M17, MPII16
from gentri.synthetic import camera_ring, walk

DIST = np.array([-0.2, 0.24, -0.001, -0.0014, -0.003])
# Joints of H36M17 among the 32; those of the labels as names, in their order.
OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
LABELLED = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("hip", "spine", "thorax", "head"),
    *("right_wrist", "right_elbow", "right_shoulder"),
    *("left_shoulder", "left_elbow", "left_wrist", "neck_base"),
)


def rig() -> Rig:
    """Four cameras named and sized as those of the dataset, with its kind of lens."""
    K = np.array([[1145.0, 0.0, 512.5], [0.0, 1143.8, 515.5], [0.0, 0.0, 1.0]])

    def like(camera: Camera, name: str) -> Camera:
        width, height = SIZES_PX[name]
        return replace(camera, name=name, width=width, height=height, K=K, dist=DIST)

    ring = camera_ring(4)
    return replace(ring, cameras=tuple(map(like, ring.cameras, CAMERAS)))


def people(count: int, ticks: int) -> list[np.ndarray]:
    """Walks (T, 17, 3), COCO joints, metres."""
    rng = np.random.default_rng(5)
    return [walk(rng, ticks).xyz for _ in range(count)]


def h36m(coco: np.ndarray) -> np.ndarray:
    """The same people with the joints of H36M17."""
    at = {joint: coco[:, i] for i, joint in enumerate(COCO17.joints)}
    at["hip"] = (at["left_hip"] + at["right_hip"]) / 2
    at["neck_base"] = at["thorax"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
    at["spine"] = (at["hip"] + at["thorax"]) / 2
    at["head"] = (at["left_ear"] + at["right_ear"]) / 2 + np.array([0.0, 0.0, 0.1])
    return np.stack([at[joint] for joint in H36M17.joints], axis=1)


def h36m32(coco: np.ndarray) -> np.ndarray:
    """The same people with the 32 joints of the dataset; what nobody uses is far away."""
    out = np.full((len(coco), 32, 3), 99.0)
    out[:, OF_32] = h36m(coco)
    return out


def write_labels(path: Path, clips: dict[tuple[str, str], np.ndarray], frames: np.ndarray) -> None:
    """`human36m-multiview-labels-GTbboxes.npy`: clips by subject and action, frames (T,)."""
    subjects = list(dict.fromkeys(subject for subject, _ in clips))
    actions = list(dict.fromkeys(action for _, action in clips))
    lens = [("R", "f4", (3, 3)), ("t", "f4", (3, 1)), ("K", "f4", (3, 3)), ("dist", "f4", 5)]
    cameras = np.zeros((len(subjects), 4), dtype=lens)
    for c, camera in enumerate(rig().cameras):
        cameras["R"][:, c] = camera.cam_from_world.R
        cameras["t"][:, c] = 1e3 * camera.cam_from_world.t[:, None]
        cameras["K"][:, c] = camera.K
        cameras["dist"][:, c] = camera.dist
    row = [("subject_idx", "i1"), ("action_idx", "i1"), ("frame_idx", "i2")]
    row += [("keypoints", "f4", (17, 3)), ("bbox_by_camera_tlbr", "i2", (4, 4))]
    parts = []
    for (subject, action), coco in clips.items():
        part = np.zeros(len(frames), dtype=row)
        part["subject_idx"] = subjects.index(subject)
        part["action_idx"] = actions.index(action)
        part["frame_idx"] = frames
        joints = h36m(coco)
        part["keypoints"] = 1e3 * joints[:, [H36M17.index(name) for name in LABELLED]]
        parts.append(part)
    content = {
        "subject_names": subjects,
        "camera_names": list(CAMERAS),
        "action_names": actions,
        "cameras": cameras,
        "table": np.concatenate(parts),
    }
    np.save(path, content)  # pyright: ignore[reportArgumentType]


def write_openpose(folder: Path, camera: Camera, people: list[np.ndarray], numbers) -> None:
    """One JSON per frame, as OpenPose names them after pictures; people (T, 17, 3)."""
    folder.mkdir(parents=True)
    seen = [project(camera, xyz) for xyz in people]
    for t, number in enumerate(numbers):
        flat = [np.c_[xy[t], np.full(17, 0.9)].ravel().round(4).tolist() for xy in seen]
        content = {"version": 1.3, "people": [{"pose_keypoints_2d": f} for f in flat]}
        (folder / f"img_{number:06d}_keypoints.json").write_text(json.dumps(content))


def write_camera_json(path: Path, subjects: list[str]) -> None:
    """`camera-parameters.json`."""
    cameras = rig().cameras
    lens = {
        c.name: {"calibration_matrix": c.K.tolist(), "distortion": c.dist.tolist()} for c in cameras
    }
    pose = {
        c.name: {
            "R": c.cam_from_world.R.tolist(),
            "t": (1e3 * c.cam_from_world.t[:, None]).tolist(),
        }
        for c in cameras
    }
    content = {"intrinsics": lens, "extrinsics": dict.fromkeys(subjects, pose)}
    path.write_text(json.dumps(content))


def write_videopose(
    folder: Path, clips: dict[tuple[str, str], np.ndarray], *, extra: int = 3, metadata=None
) -> tuple[Path, Path]:
    """`data_3d_h36m.npz` and `data_2d_h36m_gt.npz`; detections run on for some frames."""
    positions_3d: dict[str, dict[str, np.ndarray]] = {}
    positions_2d: dict[str, dict[str, list[np.ndarray]]] = {}
    for (subject, action), coco in clips.items():
        positions_3d.setdefault(subject, {})[action] = h36m32(coco).astype(np.float32)
        views = [project(camera, h36m(coco)) for camera in rig().cameras]
        there = np.minimum(np.arange(len(coco) + extra), len(coco) - 1)
        positions_2d.setdefault(subject, {})[action] = [v[there].astype("f4") for v in views]
    metadata = metadata or {"num_joints": 17, "keypoints_symmetry": [[4, 5, 6], [1, 2, 3]]}
    three, two = folder / "data_3d_h36m.npz", folder / "data_2d_h36m_gt.npz"
    np.savez_compressed(three, positions_3d=positions_3d)  # pyright: ignore[reportArgumentType]
    np.savez_compressed(
        two,
        positions_2d=positions_2d,  # pyright: ignore[reportArgumentType]
        metadata=metadata,
    )
    return three, two


def write_tree(folder: Path, clips: dict[tuple[str, str], np.ndarray]) -> None:
    """HDF5 files of 3d-pose-baseline; of S11's Directions it lacks one."""
    h5py = pytest.importorskip("h5py")
    for (subject, action), coco in clips.items():
        truth, seen = (
            folder / subject / part for part in ("MyPoses/3D_positions", "StackedHourglass")
        )
        for part in (truth, seen):
            part.mkdir(parents=True, exist_ok=True)
        with h5py.File(truth / f"{action}.h5", "w") as file:
            file["3D_positions"] = 1e3 * h36m32(coco).reshape(len(coco), 96).T
        at = dict(zip(H36M17.joints, h36m(coco).transpose(1, 0, 2), strict=True))
        at["upper_neck"] = at["neck_base"]
        mpii = np.stack([at[joint] for joint in MPII16.joints], axis=1)
        for camera in rig().cameras:
            if (subject, action, camera.name) == ("S11", "Directions", "54138969"):
                continue
            with h5py.File(seen / f"{action.replace(' ', '_')}.{camera.name}.h5", "w") as file:
                file["poses"] = project(camera, mpii)
