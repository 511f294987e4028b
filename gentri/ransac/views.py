"""What calibrated cameras say about a batch of skeletons, ready for triangulation in torch.

Axes: B skeletons (ticks × people), J joints, C cameras, K candidate points.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gentri.data import FloatArray, Rig
from gentri.geometry.cameras import MIN_DEPTH, undistort


def working_dtype(device: torch.device) -> torch.dtype:
    """Float64 wherever the device has it.

    Ray least squares inverts normal equations, whose condition is the square of the problem's: for
    rays 3° apart float32 would lose millimetres at 5 m. Only Apple's GPUs know no float64.
    """
    return torch.float32 if device.type == "mps" else torch.float64


@dataclass(frozen=True, eq=False)
class Views:
    """Undistorted detections and the cameras that made them.

    Attributes:
        R: (C, 3, 3) rotations `cam_from_world`.
        center: (C, 3) optical centres in the world.
        xy: (B, J, C, 2) normalised image coordinates x/z, y/z; 0 where not seen.
        ray: (B, J, C, 3) unit directions in the world.
        confidence: (B, J, C); 0 where not seen.
        size: (B, C) diagonal of the person's box, in normalised image coordinates.
    """

    R: Tensor
    center: Tensor
    xy: Tensor
    ray: Tensor
    confidence: Tensor
    size: Tensor

    def __getitem__(self, which: slice | Tensor) -> "Views":
        """Some of the skeletons."""
        per_skeleton = ("xy", "ray", "confidence", "size")
        return replace(self, **{name: getattr(self, name)[which] for name in per_skeleton})

    @cached_property
    def moments(self) -> Tensor:
        """Upper triangle of P = I − d dᵀ, then P C, of each ray d from C: (9, B, J, C).

        Summed with weights they are the normal equations of points near rays.
        """
        x, y, z = self.ray.unbind(dim=-1)
        u, v, w = (self.center - (self.ray * self.center).sum(-1, keepdim=True) * self.ray).unbind(
            -1
        )
        upper = (1 - x * x, -x * y, -x * z, 1 - y * y, -y * z, 1 - z * z)
        return torch.stack([*upper, u, v, w])

    @property
    def seen(self) -> Tensor:
        """(B, J, C) bool: this camera detected this joint."""
        return self.confidence > 0


def gather_views(
    rig: Rig, xy_px: FloatArray, confidence: FloatArray, size: FloatArray, device: torch.device
) -> Views:
    """Undistort detections and move them to the device.

    Args:
        rig: C cameras.
        xy_px: (C, B, J, 2) distorted pixels, NaN where not seen.
        confidence: (C, B, J), NaN or 0 where not seen.
        size: (C, B) person size, as in `person_size`.
        device: where the tensors live.
    """
    xy = np.stack([undistort(c, p) for c, p in zip(rig.cameras, xy_px, strict=True)])
    seen = np.isfinite(xy).all(axis=-1) & (confidence > 0)
    xy = np.where(seen[..., None], xy, 0.0)

    def tensor(array: FloatArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(working_dtype(device)).to(device)

    R = tensor(np.stack([c.cam_from_world.R for c in rig.cameras]))
    xy_bjc = tensor(xy.transpose(1, 2, 0, 3))
    ray = torch.einsum("bjci,cik->bjck", torch.nn.functional.pad(xy_bjc, (0, 1), value=1.0), R)
    return Views(
        R=R,
        center=tensor(np.stack([c.center for c in rig.cameras])),
        xy=xy_bjc,
        ray=ray / ray.norm(dim=-1, keepdim=True),
        confidence=tensor(np.where(seen, confidence, 0.0).transpose(1, 2, 0)),
        size=tensor(size.T),
    )


def reprojection_error(views: Views, xyz: Tensor) -> Tensor:
    """Distance between detection and projected point as a share of the person's size.

    Args:
        views: detections.
        xyz: (B, J, K, 3) world points; their precision is the result's.

    Returns:
        (B, J, K, C); infinite where the joint is not seen and for points behind the camera.
    """
    R = views.R.to(xyz)
    t = -(views.R @ views.center[..., None]).squeeze(-1).to(xyz)
    x, y, depth = (xyz @ R[:, axis].T + t[:, axis] for axis in range(3))
    u, v = views.xy[:, :, None].to(xyz).unbind(dim=-1)
    error = torch.hypot(x / depth - u, y / depth - v) / views.size[:, None, None].to(xyz)
    valid = (depth > MIN_DEPTH) & views.seen[:, :, None] & error.isfinite()
    return torch.where(valid, error, torch.inf)


def person_size(rig: Rig, xy_px: FloatArray) -> FloatArray:
    """How large the person is in each view: the diagonal of the box around the joints.

    A box that is cut by occlusion or by the image's edge must not make errors look large, so no
    box counts as smaller than half of what this camera usually sees of this person.

    Args:
        rig: C cameras.
        xy_px: (C, T, P, J, 2) distorted pixels, NaN where not seen.

    Returns:
        (C, T, P) in normalised image coordinates (pixels / focal length); NaN for a person whom
        the camera never sees.
    """
    unseen = np.isnan(xy_px)
    high = np.where(unseen, -np.inf, xy_px).max(axis=-2)
    low = np.where(unseen, np.inf, xy_px).min(axis=-2)
    diagonal = np.where(high < low, np.nan, high - low).astype(np.float64)
    focal_px = np.array([np.diag(c.K)[:2].mean() for c in rig.cameras])
    diagonal = np.linalg.norm(diagonal, axis=-1) / focal_px[:, None, None]
    usual = np.full((xy_px.shape[0], 1, xy_px.shape[2]), np.nan)
    for c, p in np.ndindex(*usual[:, 0].shape):
        measured = diagonal[c, :, p][np.isfinite(diagonal[c, :, p])]
        usual[c, 0, p] = np.median(measured) if len(measured) else np.nan
    return np.fmax(diagonal, usual / 2)
