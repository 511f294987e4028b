"""How far one rig is from another, whatever their worlds and scales."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gentri.data import FloatArray, Rig


@dataclass(frozen=True, eq=False)
class RigDifference:
    """Differences of a rig from a reference.

    Attributes:
        rotation_deg: (C(C−1)/2,) angle between the relative rotations of each pair of cameras.
        focal_percent: (C,) |f / f_ref − 1| · 100, mean of both axes.
        center_mm: (C,) distance of the optical centres after the best similarity.
        scale: reference metres per metre of the rig, of that similarity.
        rotation: (3, 3) reference from rig, likewise.
    """

    rotation_deg: FloatArray
    focal_percent: FloatArray
    center_mm: FloatArray
    scale: float
    rotation: FloatArray

    @property
    def center_rms_mm(self) -> float:
        """Root mean square of `center_mm`."""
        return float(np.sqrt((self.center_mm**2).mean()))


def compare_rigs(rig: Rig, reference: Rig) -> RigDifference:
    """Compare two rigs of the same cameras in the same order.

    Raises:
        ValueError: the camera names differ.
    """
    if rig.names != reference.names:
        raise ValueError(f"cameras differ: expected {reference.names}, got {rig.names}")
    pairs = list(zip(rig.cameras, reference.cameras, strict=True))
    angles = []
    for (a, a_ref), (b, b_ref) in combinations(pairs, 2):
        b_from_a = b.cam_from_world.R @ a.cam_from_world.R.T
        expected = b_ref.cam_from_world.R @ a_ref.cam_from_world.R.T
        angles.append(rotation_angle(b_from_a.T @ expected))
    focal = [np.diag(c.K)[:2].mean() / np.diag(r.K)[:2].mean() for c, r in pairs]
    center = np.array([c.center for c in rig.cameras])
    expected = np.array([c.center for c in reference.cameras])
    # Two centres lie on a line, about which only the cameras' attitudes fix the rotation.
    attitude = np.sum([r.cam_from_world.R.T @ c.cam_from_world.R for c, r in pairs], axis=0)
    scale, R, t = similarity(center, expected, attitude if len(pairs) == 2 else None)
    return RigDifference(
        rotation_deg=np.degrees(angles),
        focal_percent=100 * np.abs(np.array(focal) - 1),
        center_mm=1e3 * np.linalg.norm(scale * center @ R.T + t - expected, axis=-1),
        scale=scale,
        rotation=R,
    )


def rotation_angle(R: FloatArray) -> float:
    """Angle of a rotation (3, 3), radians; exact for small angles."""
    sine = np.linalg.norm([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]]) / 2
    return float(np.arctan2(sine, (np.trace(R) - 1) / 2))


def similarity(
    a: FloatArray, b: FloatArray, attitude: FloatArray | None = None
) -> tuple[float, FloatArray, FloatArray]:
    """Least-squares scale, rotation (3, 3) and translation (3,) with b ≈ scale · R a + t.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    1991.

    Args:
        a: (N, 3) points.
        b: (N, 3) the same points in the other frame.
        attitude: (3, 3) correlation to take the rotation from instead of the points.
    """
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    correlation = (b - mean_b).T @ (a - mean_a) if attitude is None else attitude
    U, _, Vt = np.linalg.svd(correlation)
    R = U @ np.diag([1.0, 1.0, np.linalg.det(U @ Vt)]) @ Vt
    turned = (a - mean_a) @ R.T
    scale = float(((b - mean_b) * turned).sum() / (turned**2).sum())
    return scale, R, mean_b - scale * R @ mean_a
