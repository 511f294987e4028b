"""Rotations as files write them: Rodrigues vectors and quaternions."""

import numpy as np

from gentri.data import FloatArray


def to_rodrigues(R: FloatArray) -> FloatArray:
    """Axis times angle (radians), (3,), of a rotation matrix (3, 3)."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(R).as_rotvec()


def from_rodrigues(vector: FloatArray) -> FloatArray:
    """Rotation matrix (3, 3) of an axis times angle (3,)."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(vector).as_matrix()


def to_quaternion(R: FloatArray) -> FloatArray:
    """Unit quaternion w x y z, (4,), w ≥ 0."""
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(R).as_quat()
    return np.array([w, x, y, z]) * (-1.0 if w < 0 else 1.0)


def from_quaternion(wxyz: FloatArray) -> FloatArray:
    """Rotation matrix (3, 3) of a quaternion w x y z (4,) of any length above 0."""
    from scipy.spatial.transform import Rotation

    w, x, y, z = wxyz
    return Rotation.from_quat([x, y, z, w]).as_matrix()
