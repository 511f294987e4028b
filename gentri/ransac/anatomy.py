"""What names tell of a joint set: kinds of joints, bones, limbs that a detector may exchange."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gentri.skeletons import Skeleton

# A name that ends in one of these is a joint of that kind; the rest, "else", are of no known kind:
# motion to learn from has these alone.
KINDS = ("nose", "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
ELSE = len(KINDS)
KIND_COUNT = ELSE + 1

# Detectors exchange left and right of whole limbs.
LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "toe", "heel"))


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Tables of a joint set, J joints, L bones; N bones at most meet in a joint.

    Attributes:
        kind: (J,) number of the kind.
        ends: (L, 2) joints that a bone connects.
        neighbour: (J, N) joint at the other end of each bone of a joint, any where there is none.
        bone: (J, N) the bone. present: (J, N) whether there is one.
        mirror: (J,) joint of the other side.
        limb: (G, J) bool, joints of both sides of a limb.
        trunk: (4,) shoulders left and right, hips left and right; empty where one is missing.
    """

    kind: Tensor
    ends: Tensor
    neighbour: Tensor
    bone: Tensor
    present: Tensor
    mirror: Tensor
    limb: Tensor
    trunk: Tensor

    def to(self, device: str | torch.device) -> "Anatomy":
        """The same on a device."""
        return Anatomy(*(getattr(self, f.name).to(device) for f in fields(self)))

    @classmethod
    def of(cls, skeleton: Skeleton) -> "Anatomy":
        """Of a joint set, by its names."""
        # Without limbs, one from a joint to itself, present nowhere: tables are never empty.
        ends = skeleton.limb_indices.reshape(-1, 2)
        neighbour, bone, present = _neighbours(len(skeleton), ends)
        ends = ends if len(ends) else np.zeros((1, 2), dtype=np.int64)
        sides = [skeleton.mirror != np.arange(len(skeleton))]
        kinds = [np.array([_is(j, parts) for j in skeleton.joints]) for parts in LIMBS]
        trunk = [f"{side}_{part}" for part in ("shoulder", "hip") for side in ("left", "right")]
        found = [skeleton.index(j) for j in trunk if j in skeleton.joints]
        return cls(
            kind=torch.tensor([kind_of(j) for j in skeleton.joints]),
            ends=torch.from_numpy(ends),
            neighbour=torch.from_numpy(neighbour),
            bone=torch.from_numpy(bone),
            present=torch.from_numpy(present),
            mirror=torch.from_numpy(skeleton.mirror),
            limb=torch.from_numpy(np.stack([k & sides[0] for k in kinds])),
            trunk=torch.tensor(found if len(found) == len(trunk) else [], dtype=torch.int64),
        )


def kind_of(joint: str) -> int:
    """Number of the kind of a joint."""
    return next((i for i, kind in enumerate(KINDS) if _is(joint, (kind,))), ELSE)


def _is(joint: str, kinds: tuple[str, ...]) -> bool:
    return joint.rpartition("_")[2] in kinds


def _neighbours(
    joints: int, ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Tables (J, N) of the bones of each joint."""
    of: list[list[tuple[int, int]]] = [[] for _ in range(joints)]
    for bone, (a, b) in enumerate(ends):
        of[a].append((b, bone))
        of[b].append((a, bone))
    width = max(1, *(len(bones) for bones in of))
    table = np.zeros((joints, width, 2), dtype=np.int64)
    present = np.zeros((joints, width), dtype=np.bool_)
    for joint, bones in enumerate(of):
        table[joint, : len(bones)] = np.array(bones).reshape(-1, 2)
        present[joint, : len(bones)] = True
    return table[..., 0], table[..., 1], present
