"""Cameras and 3D motion from OpenPose's detections of the clip in examples/balance, in Python.

python examples/python_api.py
"""

import json
import tempfile
from pathlib import Path

import numpy as np

import gentri

CLIP = Path(__file__).parent / "balance"
STATURE_M = 1.75  # a guess: nobody wrote down how tall the athlete is


def main() -> None:
    """Calibrate, triangulate, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        write_openpose(Path(folder))
        # The next three lines are all that is needed where such files are there already.
        keypoints = gentri.read_keypoints(folder, size_px=(1088, 1920), fps=60)
    rig = gentri.calibrate(keypoints, stature_m=STATURE_M)
    poses = gentri.triangulate(keypoints, rig)

    for camera in rig.cameras:
        x, y, z = camera.center
        print(
            f"{camera.name}: focal length {camera.K[0, 0]:.0f} px, at ({x:.2f}, {y:.2f}, {z:.2f}) m"
        )
    print(f"scale: {rig.scale_source}, ± {100 * rig.scale_sigma:.1f} %")
    measured = np.isfinite(poses.xyz[..., 0]).mean()
    print(f"{len(poses.time_s)} ticks, {100 * measured:.0f} % of the joints in 3D")


def write_openpose(folder: Path) -> None:
    """The files that OpenPose --write_json would leave: a folder per camera, a file per frame."""
    clip = json.loads((CLIP / "openpose_body25b.json").read_text(encoding="utf-8"))["people2d"]
    for camera, frames in clip.items():
        (folder / f"{camera}_json").mkdir()
        for number, people in enumerate(frames):
            listed = [{"pose_keypoints_2d": np.ravel(person).tolist()} for person in people]
            text = json.dumps({"version": 1.3, "people": listed})
            (folder / f"{camera}_json" / f"{camera}_{number:06d}.json").write_text(text)


if __name__ == "__main__":
    main()
