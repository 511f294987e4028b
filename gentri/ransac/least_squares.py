"""Closed-form triangulation, batched: weighted ray least squares and the homogeneous DLT."""

import torch
from torch import Tensor

from gentri.geometry.cameras import MIN_DEPTH
from gentri.ransac.views import Views


def nearest_points(views: Views, weight: Tensor) -> Tensor:
    """Points nearest to weighted rays, in shares of the person's box.

    Minimises Σ w/(ρ s)² |(I − d dᵀ)(X − C)|² with ρ the distance from the camera and s the size of
    the person in its image: detectors err by shares of the box. Two passes: the first without ρ,
    the second with ρ from the first.

    Args:
        views: rays d from centres C.
        weight: (B, J, C), at least 0; views with weight 0 take no part.

    Returns:
        (B, J, 3); NaN or infinite where the rays do not determine a point.
    """
    xyz = solve((views.moments * weight).sum(dim=-1))
    return solve((views.moments * at_range(views, weight, xyz)).sum(dim=-1))


def subset_points(views: Views, weight: Tensor, subsets: Tensor) -> tuple[Tensor, Tensor]:
    """`nearest_points` of subsets of the views, at the ranges of what all views make of a joint.

    Args:
        views: rays.
        weight: (B, J, C), at least 0.
        subsets: (K, C) of 0 and 1.

    Returns:
        Points (B, J, K, 3); NaN or infinite where the rays do not determine one. Their variance
        (B, J, K) for weighted errors of one share of the person's box.
    """
    everything = solve((views.moments * weight).sum(dim=-1))
    # One product for all subsets: their weights differ in nothing but who takes part.
    moments = (views.moments * at_range(views, weight, everything)) @ subsets.to(weight).T
    return solve(moments), variance(moments)


def at_range(views: Views, weight: Tensor, xyz: Tensor) -> Tensor:
    """Weights (..., C) of rays for points (..., 3): per length in the world, squared."""
    size = views.size.reshape(-1, *[1] * (xyz.ndim - 2), views.size.shape[-1])
    return (weight / (ranges(views, xyz) * size).square()).nan_to_num(posinf=0.0)


def ranges(views: Views, xyz: Tensor) -> Tensor:
    """Distances (..., C) of points (..., 3) from the cameras."""
    return (xyz[..., None, :] - views.center).norm(dim=-1).clamp_min(MIN_DEPTH)


def ray_angle(views: Views, member: Tensor) -> Tensor:
    """How well the directions of a set of rays determine a point.

    With A the mean of I − d dᵀ, two rays at the angle θ have tr A⁻¹ = 1 + 4 / sin²θ. More rays are
    given the angle at which two would do equally well. Rays of opposite cameras are as bad as
    parallel ones.

    Args:
        views: rays.
        member: (B, J, C) bool, the sets of rays.

    Returns:
        (B, J) radians, 0 to π/2; 0 for fewer than two rays.
    """
    return _angle((views.moments[:6] * member).sum(dim=-1), member.sum(dim=-1))


def subset_angle(views: Views, subsets: Tensor) -> Tensor:
    """`ray_angle` of the rays that there are of each subset (K, C), (B, J, K)."""
    seen, subsets = views.seen.to(views.ray), subsets.to(views.ray)
    return _angle((views.moments[:6] * seen) @ subsets.T, seen @ subsets.T)


def _angle(moments: Tensor, count: Tensor) -> Tensor:
    a, b, c, d, e, f = moments / count.clamp_min(1)
    aa, dd, ff = d * f - e * e, a * f - c * c, a * d - b * b
    det = a * aa + b * (c * e - b * f) + c * (b * e - c * d)
    # 1 / (tr A⁻¹ − 1), with the division kept away from det = 0.
    sin2 = 4 * det / (aa + dd + ff - det)
    return sin2.nan_to_num().clamp(0, 1).sqrt().asin()


def solve(moments: Tensor) -> Tensor:
    """X = A⁻¹ b (..., 3) of the upper triangle of A and b (9, ...).

    Cramer's rule; dividing by tr A first keeps the determinant in range.
    """
    a, b, c, d, e, f, u, v, w = moments / (moments[0] + moments[3] + moments[5])
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    adjugate_b = (aa * u + bb * v + cc * w, bb * u + dd * v + ee * w, cc * u + ee * v + ff * w)
    return torch.stack(adjugate_b, dim=-1) / (a * aa + b * bb + c * cc)[..., None]


def variance(moments: Tensor) -> Tensor:
    """Trace of A⁻¹ (...), of the upper triangle of A (6 or 9, ...); not finite if A is singular."""
    trace = moments[0] + moments[3] + moments[5]
    a, b, c, d, e, f = moments[:6] / trace
    aa, dd, ff = d * f - e * e, a * f - c * c, a * d - b * b
    det = a * aa + b * (c * e - b * f) + c * (b * e - c * d)
    return (aa + dd + ff) / (det * trace)


def homogeneous_dlt(views: Views) -> Tensor:
    """Linear triangulation from all views that see a joint, unweighted, by SVD.

    Hartley and Zisserman, Multiple View Geometry, 12.2, in normalised image coordinates.

    Returns:
        (B, J, 3); NaN or infinite where fewer than two views see the joint.
    """
    # |X| = 1 makes the result depend on origin and unit of the world: take those of the cameras.
    origin = views.center.mean(dim=0)
    center = views.center - origin
    unit = center.norm()
    t = -torch.einsum("cij,cj->ci", views.R, center / unit)
    P = torch.cat([views.R, t[..., None]], dim=-1)
    rows = views.xy[..., None] * P[:, None, 2] - P[:, :2]  # (B, J, C, 2, 4)
    rows = (rows * views.seen[..., None, None]).flatten(-3, -2)
    # Singular vectors are not implemented on every GPU; these systems are tiny.
    V = torch.linalg.svd(rows.double().cpu() if rows.is_mps else rows, full_matrices=False).Vh
    xyz = (V[..., -1, :3] / V[..., -1, 3:]).to(rows) * unit + origin
    return torch.where(views.seen.sum(dim=-1, keepdim=True) >= 2, xyz, torch.nan)
