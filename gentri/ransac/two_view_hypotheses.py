"""Hypotheses of the relative pose of two views, many at once, in torch.

Axes: K hypotheses, S correspondences in a sample, N correspondences; `...` any batch. Coordinates
are normalised (x/z, y/z), poses are b_from_a with a direction of length 1.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gentri.data import FloatArray

# Hypotheses of each sample size. Small samples are often clean, large ones less shaken by noise;
# the joints of a frame lie close together, so samples as small as 5 are seldom any good.
SAMPLES = ((16, 16), (32, 16), (64, 32))
LEAST = 8  # correspondences in a sample
LOCAL_STEPS = 4  # of Gauss–Newton on a sample
# Relative to the diagonal of the normal equations: sure steps, hardly shorter.
DAMPING, RIDGE = 1e-3, 1e-12


@dataclass(frozen=True, eq=False)
class Poses:
    """Relative poses.

    Attributes:
        R: (..., 3, 3). t: (..., 3) unit length.
    """

    R: Tensor
    t: Tensor

    def __getitem__(self, index: object) -> "Poses":
        return Poses(self.R[index], self.t[index])  # pyright: ignore[reportArgumentType]


def hypothesize(
    a: FloatArray, b: FloatArray, weight: FloatArray, threshold: float, seed: int
) -> Poses:
    """Poses (K,) from random samples: eight-point algorithm, then robust Gauss–Newton on each.

    Args:
        a: (N, 2) normalised image coordinates, N ≥ 8.
        b: (N, 2) in the other view.
        weight: (N,) ≥ 0: chance of being drawn, and weight in a sample.
        threshold: scale of the Cauchy loss, same unit as a and b.
        seed: of the sampling.
    """
    rng = np.random.default_rng([seed, len(a)])
    chance = np.log(np.maximum(weight, 1e-9 * max(float(weight.max()), 1e-12)))
    found = []
    for size, count in SAMPLES:
        # The largest of log-weights with Gumbel noise: a weighted draw without replacement.
        keys = chance + rng.gumbel(size=(count, len(a)))
        pick = np.argsort(-keys, axis=-1)[:, : min(size, len(a))]
        in_a, in_b, w = (torch.from_numpy(x[pick]) for x in (a, b, weight))
        poses = decomposed(eight_point(in_a, in_b), in_a, in_b)
        for _ in range(LOCAL_STEPS):
            poses = improved(poses, in_a, in_b, w, threshold)
        found.append(poses)
    return Poses(torch.cat([p.R for p in found]), torch.cat([p.t for p in found]))


def eight_point(a: Tensor, b: Tensor) -> Tensor:
    """Least-squares essential matrices (..., 3, 3) of samples (..., S, 2), not yet of rank 2.

    Hartley, "In Defense of the Eight-Point Algorithm", 1997.
    """
    (ah, Ta), (bh, Tb) = _conditioned(a), _conditioned(b)
    rows = (bh[..., :, None] * ah[..., None, :]).flatten(-2)
    E = torch.linalg.eigh(rows.mT @ rows)[1][..., 0].unflatten(-1, (3, 3))
    return Tb.mT @ E @ Ta


def decomposed(E: Tensor, a: Tensor, b: Tensor) -> Poses:
    """Of the four poses of essential matrices (..., 3, 3) those with most points in front.

    Hartley and Zisserman, Multiple View Geometry, 2nd ed., §9.6.2.
    """
    U, _, Vt = torch.linalg.svd(E)
    U = U * torch.linalg.det(U)[..., None, None].sign()
    Vt = Vt * torch.linalg.det(Vt)[..., None, None].sign()
    quarter = E.new_tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    R = torch.stack([U @ W @ Vt for W in (quarter, quarter, quarter.mT, quarter.mT)], dim=-3)
    t = torch.stack([s * U[..., 2] for s in (1.0, -1.0, 1.0, -1.0)], dim=-2)
    in_front = (torch.stack(depths(Poses(R, t), a[..., None, :, :], b[..., None, :, :])) > 0).all(0)
    best = in_front.sum(-1).argmax(-1)[..., None]
    return Poses(
        R.take_along_dim(best[..., None, None], -3).squeeze(-3),
        t.take_along_dim(best[..., None], -2).squeeze(-2),
    )


def improved(poses: Poses, a: Tensor, b: Tensor, weight: Tensor, scale: Tensor | float) -> Poses:
    """One Gauss–Newton step on the Cauchy cost of Sampson distances.

    The step is differentiable by the weights; at a minimum its derivative is that of the minimum.

    Args:
        poses: (...,).
        a: (..., N, 2).
        b: (..., N, 2).
        weight: (..., N) ≥ 0.
        scale: of the loss, one value or (..., 1).
    """
    basis = _across(poses.t)
    r, J = _residuals(poses, basis, a, b)
    robust = weight / (1 + (r / scale).square())
    H = J.mT @ (J * robust[..., None])
    diagonal = H.diagonal(dim1=-2, dim2=-1)
    H = H + torch.diag_embed(DAMPING * diagonal + RIDGE * diagonal.sum(-1, keepdim=True) + 1e-30)
    step = -torch.linalg.solve(H, (J.mT @ (robust * r)[..., None]).squeeze(-1))
    t = poses.t + (step[..., 3:, None] * basis).sum(-2)
    turn = torch.linalg.matrix_exp(_skew(step[..., :3]))
    return Poses(turn @ poses.R, torch.nn.functional.normalize(t, dim=-1))


def sampson_distances(poses: Poses, a: Tensor, b: Tensor) -> Tensor:
    """Sampson distances (..., N) ≥ 0 of correspondences (..., N, 2)."""
    ah, bh = _homogeneous(a), _homogeneous(b)
    E = _skew(poses.t) @ poses.R
    Ea, Etb = ah @ E.mT, bh @ E
    square = Ea[..., :2].square().sum(-1) + Etb[..., :2].square().sum(-1)
    return (bh * Ea).sum(-1).abs() / square.clamp_min(1e-30).sqrt()


def depths(poses: Poses, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays pass closest: distances along z from either camera, (..., N), in baselines."""
    ah, bh = _homogeneous(a) @ poses.R.mT, _homogeneous(b)
    aa, bb, ab = (ah * ah).sum(-1), (bh * bh).sum(-1), (ah * bh).sum(-1)
    at, bt = ((x @ poses.t[..., None]).squeeze(-1) for x in (ah, bh))
    det = (ab.square() - aa * bb).clamp_max(-1e-12)
    return (bb * at - ab * bt) / det, (ab * at - aa * bt) / det


def _residuals(poses: Poses, basis: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Signed Sampson distances (..., N), derivatives (..., N, 5) by rotation and direction."""
    ah, bh = _homogeneous(a), _homogeneous(b)
    across = _skew(poses.t)
    E = across @ poses.R
    generators = _skew(torch.eye(3, dtype=a.dtype, device=a.device))
    by_turn = across[..., None, :, :] @ generators @ poses.R[..., None, :, :]
    by = torch.cat([by_turn, _skew(basis) @ poses.R[..., None, :, :]], dim=-3)
    Ea, Etb = ah @ E.mT, bh @ E
    n = (bh * Ea).sum(-1)
    d = (Ea[..., :2].square().sum(-1) + Etb[..., :2].square().sum(-1)).clamp_min(1e-30)
    dEa, dEtb = ah[..., None, :, :] @ by.mT, bh[..., None, :, :] @ by
    dn = (bh[..., None, :, :] * dEa).sum(-1)
    dd = 2 * (
        (Ea[..., None, :, :2] * dEa[..., :2]).sum(-1)
        + (Etb[..., None, :, :2] * dEtb[..., :2]).sum(-1)
    )
    root = d.sqrt()
    J = dn / root[..., None, :] - (n / (2 * d * root))[..., None, :] * dd
    return n / root, J.mT


def _across(t: Tensor) -> Tensor:
    """Two unit vectors (..., 2, 3) at right angles to t (..., 3) and to each other."""
    least = torch.nn.functional.one_hot(t.abs().argmin(-1), 3).to(t.dtype)
    first = torch.nn.functional.normalize(torch.linalg.cross(t, least), dim=-1)
    return torch.stack([first, torch.linalg.cross(t, first)], dim=-2)


def _conditioned(xy: Tensor) -> tuple[Tensor, Tensor]:
    """Homogeneous coordinates about their mean at mean distance √2, and the maps (..., 3, 3)."""
    middle = xy.mean(-2)
    spread = (xy - middle[..., None, :]).norm(dim=-1).mean(-1).clamp_min(1e-12)
    k = 2**0.5 / spread
    zero = torch.zeros_like(k)
    rows = [k, zero, -k * middle[..., 0], zero, k, -k * middle[..., 1], zero, zero, zero + 1]
    T = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    return _homogeneous(xy) @ T.mT, T


def _homogeneous(xy: Tensor) -> Tensor:
    return torch.nn.functional.pad(xy, (0, 1), value=1.0)


def _skew(v: Tensor) -> Tensor:
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))
