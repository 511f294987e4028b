"""The scorer of Bartol et al., "Generalizable Human Pose Triangulation" (CVPR 2022), written anew.

The baseline that the learned triangulation is measured against. A hypothesis is a whole pose: each
joint triangulated, without weights, from a random subset of the views. A multilayer perceptron sees
the bone lengths of the standardised pose and nothing of errors, confidences or cameras; the pose is
the mean of all hypotheses weighted by score, or the best, or a random one (section 3.3).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gentri.ransac.anatomy import Anatomy
from gentri.ransac.estimators import Estimate
from gentri.ransac.least_squares import nearest_points, subset_points
from gentri.ransac.views import Views
from gentri.skeletons import BODY_JOINTS, COCO17, Skeleton, skeleton

HYPOTHESES = 200
LAYERS = (1000, 900, 900, 900, 900, 700)  # widths, section 4.1

Mode = Literal["average", "best", "random"]

# The twelve joints of trunk and limbs: nearly all joint sets have them.
BODY12 = Skeleton(
    "body12",
    BODY_JOINTS,
    tuple(limb for limb in COCO17.limbs if set(limb) <= set(BODY_JOINTS)),
)
JOINT_SETS = {one.name: one for one in (COCO17, BODY12)}


class WholePoseScorer(nn.Module):
    """Poses (..., J, 3) of one skeleton, about their middle, to scores (...), 0 to 1."""

    mean: Tensor
    spread: Tensor

    def __init__(self, skeleton_name: str) -> None:
        super().__init__()
        self.skeleton = JOINT_SETS.get(skeleton_name) or skeleton(skeleton_name)
        joints = self.skeleton
        self.register_buffer("mean", torch.zeros(len(joints), 3))
        self.register_buffer("spread", torch.ones(len(joints), 3))
        widths = (len(joints.limbs), *LAYERS)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU6()]
        self.layers = nn.Sequential(*layers, nn.Linear(LAYERS[-1], 1), nn.Sigmoid())

    def forward(self, pose: Tensor, ends: Tensor) -> Tensor:
        """Scores of poses by the lengths of bones with these ends (L, 2)."""
        standard = (pose - self.mean) / self.spread
        length = (standard[..., ends[:, 0], :] - standard[..., ends[:, 1], :]).norm(dim=-1)
        return self.layers(length).squeeze(-1)


def pose_hypotheses(
    views: Views, subsets: NDArray[np.bool_], count: int, generator: torch.Generator
) -> Tensor:
    """Whole poses (B, H, J, 3), each joint from a random one of the subsets (K, C)."""
    chosen = torch.from_numpy(subsets).to(views.xy.device)
    xyz, _ = subset_points(views, views.seen.to(views.xy), chosen)
    # A subset of which fewer than two views see the joint: what all views make of it.
    everything = nearest_points(views, views.seen.to(views.xy))
    enough = (chosen & views.seen[:, :, None]).sum(dim=-1) >= 2
    xyz = torch.where(enough[..., None], xyz, everything[:, :, None])
    batch, joints, options, _ = xyz.shape
    pick = torch.randint(options, (batch, joints, count), generator=generator)
    drawn = xyz.gather(2, pick[..., None].expand(*pick.shape, 3))
    return drawn.transpose(1, 2)


def relative(pose: Tensor, anatomy: Anatomy) -> Tensor:
    """Poses (..., J, 3) about the middle of the hips; of all joints where there are no hips."""
    hips = anatomy.trunk[2:]
    return pose - (pose[..., hips, :] if len(hips) else pose).mean(dim=-2, keepdim=True)


@dataclass(frozen=True, eq=False)
class WholePose:
    """The method of 2022 as an estimator.

    Attributes:
        network: trained.
        joints: (J',) places of the joints that it sees among those of the views.
        subsets: (K, C) bool of views.
        mode: how a pose comes from the scored hypotheses.
        seed: of the hypotheses.
    """

    network: WholePoseScorer
    joints: list[int]
    subsets: NDArray[np.bool_]
    mode: Mode = "average"
    seed: int = 0

    def __call__(self, views: Views) -> Estimate:
        """Points (B, J, 3) and the views that see them (B, J, C)."""
        anatomy = Anatomy.of(self.network.skeleton)
        generator = torch.Generator().manual_seed(self.seed)
        poses = pose_hypotheses(views, self.subsets, HYPOTHESES, generator).nan_to_num()
        with torch.no_grad():
            pose = relative(poses[:, :, self.joints], anatomy).float()
            score = self.network(pose, anatomy.ends).to(poses)
        xyz = chosen_pose(poses, score, self.mode, generator)
        enough = (views.seen.sum(dim=-1) >= 2)[..., None]
        return Estimate(views, torch.where(enough, xyz, torch.nan), views.seen)


def chosen_pose(poses: Tensor, score: Tensor, mode: Mode, generator: torch.Generator) -> Tensor:
    """One pose (B, J, 3) of the hypotheses (B, H, J, 3) by their scores (B, H)."""
    if mode == "average":
        weight = score / score.sum(dim=1, keepdim=True)
        return (weight[..., None, None] * poses).sum(dim=1)
    if mode == "best":
        index = score.argmax(dim=1)
    else:
        index = torch.multinomial(score.float(), 1, generator=generator).squeeze(1)
    return poses[torch.arange(len(poses)), index]
