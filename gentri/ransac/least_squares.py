"""Closed-form triangulation, batched: weighted ray least squares and the homogeneous DLT."""

import torch
from torch import Tensor

from gentri.geometry.cameras import MIN_DEPTH
from gentri.ransac.views import Views


def nearest_points(views: Views, weight: Tensor) -> Tensor:
    """Points nearest to weighted rays in the angular sense.

    Minimises Σ w/ρ² |(I − d dᵀ)(X − C)|² with ρ the distance from the camera, in two passes: the
    first without 1/ρ², the second with ρ from the first.

    Args:
        views: rays d from centres C.
        weight: (B, J, K, C), at least 0; views with weight 0 take no part.

    Returns:
        (B, J, K, 3); NaN or infinite where the rays do not determine a point.
    """
    moments = _ray_moments(views)
    xyz = _solve(weight @ moments)
    range_m = (xyz[..., None, :] - views.center).norm(dim=-1).clamp_min(MIN_DEPTH)
    return _solve((weight / range_m.square()).nan_to_num() @ moments)


def ray_angle(views: Views, member: Tensor) -> Tensor:
    """How well the directions of a set of rays determine a point.

    With A the mean of I − d dᵀ, two rays at the angle θ have tr A⁻¹ = 1 + 4 / sin²θ. More rays are
    given the angle at which two would do equally well. Rays of opposite cameras are as bad as
    parallel ones.

    Args:
        views: rays.
        member: (B, J, K, C) bool, the sets of rays.

    Returns:
        (B, J, K) radians, 0 to π/2; 0 for fewer than two rays.
    """
    moments = member.to(views.ray) @ _ray_moments(views)[..., :6]
    a, b, c, d, e, f = (moments / member.sum(dim=-1, keepdim=True).clamp_min(1)).unbind(-1)
    aa, dd, ff = d * f - e * e, a * f - c * c, a * d - b * b
    det = a * aa + b * (c * e - b * f) + c * (b * e - c * d)
    # 1 / (tr A⁻¹ − 1), with the division kept away from det = 0.
    sin2 = 4 * det / (aa + dd + ff - det)
    return sin2.nan_to_num().clamp(0, 1).sqrt().asin()


def _ray_moments(views: Views) -> Tensor:
    """Upper triangle of P = I − d dᵀ, then P C: (B, J, C, 9), ready to be summed with weights."""
    d, center = views.ray, views.center
    x, y, z = d.unbind(-1)
    along = (d * center).sum(dim=-1, keepdim=True)
    upper = torch.stack([1 - x * x, -x * y, -x * z, 1 - y * y, -y * z, 1 - z * z], dim=-1)
    return torch.cat([upper, center - along * d], dim=-1)


def _solve(moments: Tensor) -> Tensor:
    """X = A⁻¹ b by Cramer's rule; dividing by tr A first keeps the determinant in range."""
    trace = moments[..., 0] + moments[..., 3] + moments[..., 5]
    a, b, c, d, e, f, u, v, w = (moments / trace[..., None]).unbind(-1)
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    adjugate_b = (aa * u + bb * v + cc * w, bb * u + dd * v + ee * w, cc * u + ee * v + ff * w)
    return torch.stack(adjugate_b, dim=-1) / (a * aa + b * bb + c * cc)[..., None]


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
