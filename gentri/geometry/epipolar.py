"""Two views and the geometry between them, in normalised image coordinates."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray


@dataclass(frozen=True, eq=False)
class RelativePose:
    """b_from_a of two views up to scale.

    Attributes:
        R: (3, 3). t: (3,) unit length.
        inlier: (N,) over the correspondences given.
        in_front: share of the inliers that triangulate in front of both cameras.
    """

    R: FloatArray
    t: FloatArray
    inlier: NDArray[np.bool_]
    in_front: float

    @property
    def support(self) -> float:
        """Number of inliers that lie in front of both cameras."""
        return float(self.inlier.sum()) * self.in_front


class TwoViewSolver(Protocol):
    """A way to find the relative pose of two views when some correspondences are wrong."""

    def __call__(
        self,
        a: FloatArray,
        b: FloatArray,
        threshold: float,
        seed: int = 0,
        weight: FloatArray | None = None,
    ) -> RelativePose | None:
        """Pose of the second view from the first.

        Args:
            a: (N, 2) float64 normalised image coordinates of joints in one view.
            b: (N, 2) of the same joints in the other.
            threshold: largest Sampson distance of an inlier, same unit.
            seed: of the sampling.
            weight: (N,) ≥ 0, confidence in each correspondence; None for all alike.

        Returns:
            The pose, or None when fewer than 8 correspondences agree on one.
        """
        ...


def skew(v: FloatArray) -> FloatArray:
    """Matrices [v]× with [v]× w = v × w, (..., 3, 3)."""
    x, y, z = np.moveaxis(np.asarray(v), -1, 0)
    o = np.zeros_like(x)
    return np.stack(
        [np.stack([o, -z, y], -1), np.stack([z, o, -x], -1), np.stack([-y, x, o], -1)], -2
    )


def homogeneous(xy: FloatArray) -> FloatArray:
    """Coordinates (..., 2) with a third one of 1, (..., 3)."""
    return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)


def sampson(E: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared Sampson distances of normalised correspondences (..., 2), b' E a = 0.

    Hartley and Zisserman, Multiple View Geometry, 2nd ed., §11.4.3.
    """
    ah, bh = homogeneous(a), homogeneous(b)
    Ea, Etb = ah @ E.T, bh @ E
    residual = (bh * Ea).sum(-1)
    return residual**2 / ((Ea[..., :2] ** 2).sum(-1) + (Etb[..., :2] ** 2).sum(-1))


def share_in_front(R: FloatArray, t: FloatArray, a: FloatArray, b: FloatArray) -> float:
    """Share of correspondences (N, 2) whose rays meet in front of both cameras."""
    ah, bh = homogeneous(a) @ R.T, homogeneous(b)
    aa, bb, ab = (ah * ah).sum(-1), (bh * bh).sum(-1), (ah * bh).sum(-1)
    at, bt = ah @ t, bh @ t
    det = ab**2 - aa * bb  # ≤ 0; 0 for parallel rays
    with np.errstate(divide="ignore", invalid="ignore"):
        depth_a, depth_b = (bb * at - ab * bt) / det, (ab * at - aa * bt) / det
    return float(((depth_a > 0) & (depth_b > 0)).mean()) if len(a) else 0.0


def pose_with_inliers(
    R: FloatArray, t: FloatArray, a: FloatArray, b: FloatArray, threshold: float
) -> RelativePose | None:
    """The pose with what agrees with it; None when fewer than 8 correspondences (N, 2) do."""
    t = t / np.linalg.norm(t)
    inlier = sampson(skew(t) @ R, a, b) < threshold**2
    if inlier.sum() < 8:
        return None
    return RelativePose(R, t, inlier, share_in_front(R, t, a[inlier], b[inlier]))


def decompose(E: FloatArray, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R (3, 3) and t (3,) of the four that one essential matrix allows: most points in front.

    Hartley and Zisserman, §9.6.2. Judged by all correspondences (N, 2): a single one may be wrong.
    """
    U, _, Vt = np.linalg.svd(E)
    U, Vt = U * np.sign(np.linalg.det(U)), Vt * np.sign(np.linalg.det(Vt))
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    four = [(U @ W @ Vt, s * U[:, 2]) for W in (quarter, quarter.T) for s in (1.0, -1.0)]
    return max(four, key=lambda pose: share_in_front(*pose, a, b))
