"""Camera rigs in the files of other tools."""

from pathlib import Path

import numpy as np
import tomlkit

from gentri.data import Camera, Rig
from gentri.pipeline.atomic import atomic_write


def write_pose2sim(rig: Rig, path: Path) -> None:
    """Write Pose2Sim's `Calib.toml`: world→camera, Rodrigues rotation, metres, z up.

    Sections are `cam_00`, `cam_01` … in the order of the rig: zero-padded because aniposelib
    sorts them as strings; the camera's own name is the key `name`.
    """
    document = tomlkit.document()
    for position, camera in enumerate(rig.cameras):
        document[f"cam_{position:02d}"] = _pose2sim_table(camera)
    document["metadata"] = {"adjusted": False, "error": 0.0}
    with atomic_write(path) as temporary:
        temporary.write_text(tomlkit.dumps(document), encoding="utf-8", newline="\n")


def _pose2sim_table(camera: Camera) -> dict[str, object]:
    # Four values by convention. Pose2Sim hands them to OpenCV as they are, and OpenCV takes k3 as
    # the fifth: written only where it says something, rather than dropped.
    distortions = camera.dist if camera.dist[4] else camera.dist[:4]
    return {
        "name": camera.name,
        "size": [float(camera.width), float(camera.height)],
        "matrix": camera.K.tolist(),
        "distortions": distortions.tolist(),
        "rotation": _rodrigues(camera.cam_from_world.R),
        "translation": camera.cam_from_world.t.tolist(),
        "fisheye": False,
    }


def _rodrigues(R: np.ndarray) -> list[float]:
    """Axis times angle (radians) of a rotation matrix (3, 3)."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(R).as_rotvec().tolist()
