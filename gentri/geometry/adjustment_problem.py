"""What a bundle adjustment minimises: observations, priors, the state, and its robust cost."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from gentri.data import FloatArray
from gentri.geometry.projection import (
    CAMERA_PARAMS,
    CENTER,
    K1,
    K2,
    LOG_FOCAL,
    NEAR,
    POSE,
    Views,
    project_views,
)

_MAX_LOG_FOCAL_STEP = 0.3  # a focal length may change by at most a third per step

# Squared error, in sigmas, of a point that crosses a camera plane: as wrong as can be, or crossing
# would pay off.
_BEHIND = 1e8


@dataclass(frozen=True, eq=False)
class Observations:
    """What the cameras saw of F frames of J joints.

    Attributes:
        xy_px: (C, F, J, 2) distorted pixels; the value is ignored where weight is 0.
        sigma_px: (C, F, J) expected error of each detection.
        weight: (C, F, J) ≥ 0; 0 where not seen.
        bones: (B, 2) joint positions of rigid bones; may be empty.
        take: (F,) recording that each frame is from, 0, 1, …: its person has bones of one length.
    """

    xy_px: FloatArray
    sigma_px: FloatArray
    weight: FloatArray
    bones: NDArray[np.int64]
    take: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Priors:
    """Which intrinsics move, and how far from where.

    Attributes:
        log_focal: (C,) prior mean; sigma_log_focal: (C,), 0 holds the focal length.
        lens_group: (C,) cameras with one number share focal length and distortion.
        center_px: (C, 2) prior mean; sigma_center_px: (C,), 0 holds the principal point.
        sigma_k1, sigma_k2: (C,) around 0; 0 holds.
        sigma_bone: spread of the log length of a bone over frames, 0 leaves bones free.
        cauchy: scale of the Cauchy loss in units of sigma_px.
    """

    log_focal: FloatArray
    sigma_log_focal: FloatArray
    lens_group: NDArray[np.int64]
    center_px: FloatArray
    sigma_center_px: FloatArray
    sigma_k1: FloatArray
    sigma_k2: FloatArray
    sigma_bone: float = 0.0
    cauchy: float = 2.0


def held(priors: Priors) -> Priors:
    """The same priors with all intrinsics held and bones free: poses and joints only."""
    zero = np.zeros_like(priors.sigma_log_focal)
    return replace(
        priors,
        sigma_log_focal=zero,
        sigma_center_px=zero,
        sigma_k1=zero,
        sigma_k2=zero,
        sigma_bone=0.0,
    )


@dataclass(frozen=True, eq=False)
class State:
    """All that is adjusted.

    Attributes:
        views: C cameras.
        xyz: (F, J, 3) joints, rig frame.
        log_length: (takes, B) of the bones in use, rig units.
    """

    views: Views
    xyz: FloatArray
    log_length: FloatArray


@dataclass(frozen=True, eq=False)
class Problem:
    """Observations and priors, with the layout of the shared parameters.

    The P shared parameters are the cameras (the first does not move), their lenses, one set per
    lens group, and the bone lengths. The joints of the frames are not among them.
    """

    seen: Observations
    priors: Priors

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """Shared parameter of each local camera parameter, −1 where held; (C, 11)."""
        priors, count = self.priors, len(self.priors.log_focal)
        columns = np.full((count, CAMERA_PARAMS), -1)
        columns[1:, POSE] = np.arange(6 * (count - 1)).reshape(-1, 6)
        size = 6 * (count - 1)
        shared: dict[tuple[int, int], int] = {}
        for c, group in enumerate(priors.lens_group):
            sigmas = (priors.sigma_log_focal[c], priors.sigma_k1[c], priors.sigma_k2[c])
            for local, sigma in zip((LOG_FOCAL, K1, K2), sigmas, strict=True):
                if sigma > 0:
                    if (local, group) not in shared:
                        shared[local, group], size = size, size + 1
                    columns[c, local] = shared[local, group]
            if priors.sigma_center_px[c] > 0:
                columns[c, CENTER], size = (size, size + 1), size + 2
        return columns

    @cached_property
    def bone_columns(self) -> NDArray[np.int64]:
        """Shared parameter of each bone's log length, (takes, B)."""
        first = self.columns.max(initial=-1) + 1
        return first + np.arange(self.takes * len(self.bones)).reshape(self.takes, -1)

    @property
    def size(self) -> int:
        """Number P of shared parameters."""
        return int(self.columns.max(initial=-1)) + 1 + self.bone_columns.size

    @property
    def takes(self) -> int:
        """Number of recordings."""
        return int(self.seen.take.max()) + 1

    @property
    def bones(self) -> NDArray[np.int64]:
        """Bones whose constancy is used, (B, 2)."""
        return self.seen.bones if self.priors.sigma_bone > 0 else self.seen.bones[:0]

    @cached_property
    def limbs(self) -> tuple[NDArray[np.int64], ...]:
        """Joints that bones in use connect: (L, n) for every number n of joints of a limb."""
        limb = np.arange(self.seen.xy_px.shape[2])
        for a, b in self.bones:
            limb[limb == limb[a]] = limb[b]
        parts = [np.flatnonzero(limb == number) for number in np.unique(limb)]
        sizes = sorted({len(part) for part in parts})
        return tuple(np.stack([p for p in parts if len(p) == n]) for n in sizes)

    @cached_property
    def bone_seen(self) -> FloatArray:
        """1 where two cameras see both ends of a bone, else 0; (F, B)."""
        twice = (self.seen.weight > 0).sum(0) >= 2
        return (twice[:, self.bones[:, 0]] & twice[:, self.bones[:, 1]]).astype(float)

    @cached_property
    def worth(self) -> float:
        """Weighted observations, less what the joints take up of them: degrees of freedom, halved.

        An observation is two numbers, a joint takes three, a bone gives one back. Two views leave a
        joint one number of four to disagree in, eight views thirteen of sixteen.
        """
        observed = 2 * int((self.seen.weight > 0).sum())
        joints = int((self.seen.weight > 0).any(0).sum())
        left = observed - 3 * joints + float(self.bone_seen.sum())
        return float(self.seen.weight.sum()) * max(left, 1.0) / observed

    @cached_property
    def prior_inverse_sigma(self) -> FloatArray:
        """Of each local camera parameter, (C, 11); 0 without a prior."""
        priors = self.priors
        inverse = np.zeros((len(priors.log_focal), CAMERA_PARAMS))
        # One prior per group, not per camera.
        shared = np.sqrt(np.bincount(priors.lens_group)[priors.lens_group])
        inverse[:, LOG_FOCAL] = _inverse(priors.sigma_log_focal * shared)
        inverse[:, CENTER] = _inverse(priors.sigma_center_px)[:, None]
        inverse[:, K1] = _inverse(priors.sigma_k1 * shared)
        inverse[:, K2] = _inverse(priors.sigma_k2 * shared)
        return inverse

    def prior_residuals(self, views: Views) -> FloatArray:
        """Deviations from the prior in sigmas, (C, 11)."""
        away = np.zeros((len(views.focal), CAMERA_PARAMS))
        away[:, LOG_FOCAL] = np.log(views.focal) - self.priors.log_focal
        away[:, CENTER] = views.center - self.priors.center_px
        away[:, K1], away[:, K2] = views.k[:, 0], views.k[:, 1]
        return away * self.prior_inverse_sigma

    def squared_errors(self, uv: FloatArray, Y: FloatArray) -> FloatArray:
        """Squared reprojection errors (C, F, J) in sigmas, of pixels and camera-frame points."""
        e2 = (((uv - self.seen.xy_px) / self.seen.sigma_px[..., None]) ** 2).sum(-1)
        return np.where(Y[..., 2] > NEAR, e2, _BEHIND)

    def bone_residuals(self, state: State) -> tuple[FloatArray, FloatArray]:
        """Deviations of log lengths in sigmas (F, B), derivatives by the first joint (F, B, 3)."""
        d = state.xyz[:, self.bones[:, 0]] - state.xyz[:, self.bones[:, 1]]
        squared = np.maximum((d**2).sum(-1), 1e-12)
        sigma = self.priors.sigma_bone
        r = (0.5 * np.log(squared) - state.log_length[self.seen.take]) / sigma
        return r, d / squared[..., None] / sigma

    def cost(self, state: State) -> float:
        """Cauchy loss of reprojections and bones, and half the squared priors."""
        c2 = self.priors.cauchy**2
        e2 = self.squared_errors(*project_views(state.views, state.xyz))
        cost = 0.5 * c2 * float((self.seen.weight * np.log1p(e2 / c2)).sum())
        cost += 0.5 * float((self.prior_residuals(state.views) ** 2).sum())
        if len(self.bones):
            r, _ = self.bone_residuals(state)
            cost += 0.5 * c2 * float((self.bone_seen * np.log1p(r**2 / c2)).sum())
        return cost

    def moved(self, state: State, step: FloatArray, joint_step: FloatArray) -> State:
        """The state after a step of the shared parameters (P,) and of the joints (F, J, 3)."""
        views = state.views
        local = np.append(step, 0.0)[self.columns]  # column −1 reads the 0
        turn = Rotation.from_rotvec(local[:, :3]).as_matrix()
        stretch = np.clip(local[:, LOG_FOCAL], -_MAX_LOG_FOCAL_STEP, _MAX_LOG_FOCAL_STEP)
        moved = Views(
            R=turn @ views.R,
            t=views.t + local[:, 3:6],
            focal=views.focal * np.exp(stretch),
            center=views.center + local[:, CENTER],
            k=views.k + local[:, [K1, K2]],
        )
        longer = step[self.bone_columns]
        return State(moved, state.xyz + joint_step, state.log_length + longer)


def _inverse(sigma: FloatArray) -> FloatArray:
    """1 / sigma, 0 where sigma is 0."""
    return np.divide(1.0, sigma, out=np.zeros_like(sigma), where=sigma > 0)
