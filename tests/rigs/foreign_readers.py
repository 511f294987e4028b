"""Run by a Python that has aniposelib and Pose2Sim: reads a rig with the tool's own reader.

Usage: foreign_readers.py TOOL FILE. Points (N, 3) come as JSON on the standard input; what each
camera makes of them goes to the standard output.
"""

import json
import sys
from pathlib import Path

import numpy as np


def aniposelib(path: str, points: np.ndarray) -> list[dict]:
    from aniposelib.cameras import CameraGroup

    return [
        {
            "name": camera.get_name(),
            "size": [int(n) for n in camera.get_size()],
            "projected": camera.project(points).reshape(-1, 2).tolist(),
        }
        for camera in CameraGroup.load(path).cameras
    ]


def pose2sim(path: str, points: np.ndarray) -> list[dict]:
    import cv2
    from Pose2Sim.common import computeP, retrieve_calib_params

    calib = retrieve_calib_params(Path(path))
    cameras = []
    for i, P in enumerate(computeP(Path(path))):
        lens = (calib["K"][i], calib["dist"][i])
        projected = cv2.projectPoints(points, calib["R"][i], calib["T"][i], *lens)[0]
        straight = np.c_[points, np.ones(len(points))] @ P.T
        cameras.append(
            {
                "size": [int(n) for n in calib["S"][i]],
                "projected": projected.reshape(-1, 2).tolist(),
                "straight": (straight[:, :2] / straight[:, 2:]).tolist(),
            }
        )
    return cameras


def qualisys(path: str, points: np.ndarray) -> list[dict]:
    """As Pose2Sim converts the file."""
    import cv2
    from Pose2Sim.calibration import calib_qca_fun

    _, names, sizes, D, K, R, T = calib_qca_fun(path)
    return [
        {
            "name": name,
            "size": [int(n) for n in sizes[i]],
            "projected": cv2.projectPoints(points, R[i], T[i], K[i], D[i])[0]
            .reshape(-1, 2)
            .tolist(),
        }
        for i, name in enumerate(names)
    ]


if __name__ == "__main__":
    readers = {"aniposelib": aniposelib, "pose2sim": pose2sim, "qualisys": qualisys}
    read = readers[sys.argv[1]]
    print(json.dumps(read(sys.argv[2], np.array(json.load(sys.stdin)))))
