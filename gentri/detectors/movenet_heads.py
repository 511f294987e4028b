"""What MoveNet's dense maps say: one person in a crop, or the people of a whole frame.

Coordinates inside this module are input pixels with integer coordinates at pixel centres.
Import after `gentri.detectors.openmmlab.prepare`.
"""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional

from gentri.detectors.movenet import STRIDE, MoveNetBranches

JOINTS = 17
PEOPLE = 6  # the published MultiPose graph returns six
# Cell (c, r) with offset (dx, dy) names the point STRIDE·(c + dx, r + dy) of neither convention:
# on mirrored crops x(u) + x(mirrored u) = width − 1 holds after taking 0.22 px off, and comparing
# crops of several scales gives the same for y to 0.1 px. Left in, it is about 1 px in a full frame.
COORDINATE_BIAS_PX = 0.22
# The joint is the mean of the votes (cell + offset) around the best cell, weighted by the heat map:
# half the jitter of the published single-cell read-out at no cost.
VOTE_RADIUS_CELLS = 2
DISTANCE_PRIOR_CELLS = 1.8  # of the published Thunder graph: heat / (distance + 1.8)
# Mirrored read-outs further apart than this (1/20 of the crop) are left/right confusions: take the
# more certain one, at half its score, instead of a mean that is nowhere.
FLIP_AGREEMENT_PX = 12.0
_PEAK_WINDOW_CELLS = 5  # of the published MultiPose graph, as is the width of its Gaussian
_GAUSSIAN_SHARE = 0.3


@MODELS.register_module()
class MoveNetHead(MoveNetBranches):
    """Thunder: the most central person of a crop.

    Args:
        map_size: height and width of the output maps, cells.
    """

    center_weight: Tensor

    def __init__(self, map_size: tuple[int, int], init_cfg: Any = None) -> None:
        super().__init__(("center", "kpt_heatmap", "kpt_regress", "kpt_offset"), init_cfg)
        self.register_buffer("center_weight", torch.ones(map_size))

    def predict(self, feats: Any, batch_data_samples: Any, test_cfg: Any) -> list[InstanceData]:
        """Keypoints (1, 17, 2) and scores (1, 17) per crop; `feats` is a pair under flip test."""
        if test_cfg.get("flip_test", False):
            direct, mirrored = (self.read_out(self.forward(f)) for f in feats)
            width = self.center_weight.shape[1] * STRIDE
            mirror = batch_data_samples[0].metainfo["flip_indices"]
            xy, score = merge_mirrored(direct, mirrored, width, mirror)
        else:
            xy, score = self.read_out(self.forward(feats))
        return [
            InstanceData(keypoints=k[None], keypoint_scores=s[None])
            for k, s in zip(xy.cpu().numpy(), score.cpu().numpy(), strict=True)
        ]

    def read_out(self, maps: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Maps → keypoints (N, 17, 2) in input pixels and scores (N, 17)."""
        heat = maps["kpt_heatmap"].sigmoid()
        n, _, height, width = heat.shape
        center = (maps["center"].sigmoid()[:, 0] * self.center_weight).flatten(1).argmax(1)
        guess = _regressed(maps["kpt_regress"], center[:, None])[:, 0]
        rows, columns = _cell_grid(height, width, heat.device)
        distance = torch.hypot(
            columns - guess[..., 0, None, None], rows - guess[..., 1, None, None]
        )
        best = (heat / (distance + DISTANCE_PRIOR_CELLS)).flatten(2).argmax(2)
        offsets = maps["kpt_offset"].reshape(n, JOINTS, 2, height, width)
        return vote(heat, offsets, best)


@MODELS.register_module()
class MoveNetMultiPoseHead(MoveNetBranches):
    """MultiPose: boxes and keypoints of up to six people in a frame."""

    def __init__(self, init_cfg: Any = None) -> None:
        names = ("center", "box_scale", "box_offset", "kpt_heatmap", "kpt_regress", "kpt_offset")
        super().__init__(names, init_cfg)
        # Stands in the weight file for the sake of one layout; only one-person crops use it.
        self.register_buffer("center_weight", torch.ones(64, 64))

    def predict(self, feats: Any, batch_data_samples: Any, test_cfg: Any) -> list[InstanceData]:
        """Per frame `bboxes` (6, 4), keypoints (6, 17, 2), and the scores of both."""
        names = ("bboxes", "bbox_scores", "keypoints", "keypoint_scores")
        arrays = (tensor.cpu().numpy() for tensor in self.read_out(self.forward(feats)))
        frames = zip(*arrays, strict=True)
        return [InstanceData(**dict(zip(names, frame, strict=True))) for frame in frames]

    def read_out(self, maps: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Maps → boxes (N, 6, 4), their scores (N, 6), keypoints (N, 6, 17, 2), scores (N, 6, 17).

        As the published graph does: peaks of the centre map, then per person the heat maps damped
        by a Gaussian about the regressed joint and cut at the box.
        """
        heat = maps["kpt_heatmap"].sigmoid()
        n, _, height, width = heat.shape
        scores, centers = _peaks(maps["center"].sigmoid())
        boxes = _boxes(maps, centers, width)
        guess = _regressed(maps["kpt_regress"], centers)[..., None, None, :]
        rows, columns = _cell_grid(height, width, heat.device)
        squared = (columns - guess[..., 0]) ** 2 + (rows - guess[..., 1]) ** 2
        prior = torch.exp(-squared / (_GAUSSIAN_SHARE * min(height, width)))
        x0, y0, x1, y1 = (edge[:, :, None, None] for edge in boxes.unbind(2))
        inside = (columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1)
        score, best = (heat[:, None] * prior * inside[:, :, None]).flatten(3).max(3)
        offsets = maps["kpt_offset"].reshape(n, JOINTS, 2, height, width)
        xy = torch.stack([vote(heat, offsets, best[:, p])[0] for p in range(PEOPLE)], dim=1)
        return boxes * STRIDE - COORDINATE_BIAS_PX, scores, xy, score


def vote(heat: Tensor, offsets: Tensor, best: Tensor) -> tuple[Tensor, Tensor]:
    """Sub-cell joint positions around the best cells.

    Args:
        heat: (N, J, h, w), 0–1.
        offsets: (N, J, 2, h, w), y then x, cells from a cell to its joint.
        best: (N, J) flat cell numbers.

    Returns:
        positions (N, J, 2) in input pixels, x then y; heat at the best cells (N, J).
    """
    n, j, height, width = heat.shape
    row, column = best // width, best % width
    item = torch.arange(n, device=heat.device)[:, None]
    joint = torch.arange(j, device=heat.device)[None]
    weighted, total = torch.zeros(n, j, 2, device=heat.device), torch.zeros_like(heat[..., 0, 0])
    window = range(-VOTE_RADIUS_CELLS, VOTE_RADIUS_CELLS + 1)
    for dr, dc in ((r, c) for r in window for c in window):
        r, c = (row + dr).clamp(0, height - 1), (column + dc).clamp(0, width - 1)
        within = (r == row + dr) & (c == column + dc)
        weight = heat[item, joint, r, c] * within
        target = torch.stack((c, r), -1) + offsets[item, joint, :, r, c].flip(-1)
        weighted, total = weighted + weight[..., None] * target, total + weight
    xy = weighted / total.clamp(min=1e-9)[..., None] * STRIDE - COORDINATE_BIAS_PX
    return xy, heat[item, joint, row, column]


def merge_mirrored(
    direct: tuple[Tensor, Tensor],
    mirrored: tuple[Tensor, Tensor],
    width: int,
    mirror: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """Two read-outs, the second of the mirrored input, as one.

    Args:
        direct: positions (N, J, 2) and scores (N, J).
        mirrored: the same of the mirrored input.
        width: of the input, pixels.
        mirror: for each joint its left/right counterpart, length J.
    """
    (xy, score), (flipped_xy, flipped_score) = direct, mirrored
    other = flipped_xy[:, mirror]
    other = torch.stack((width - 1 - other[..., 0], other[..., 1]), -1)
    other_score = flipped_score[:, mirror]
    total = (score + other_score).clamp(min=1e-9)[..., None]
    mean = (xy * score[..., None] + other * other_score[..., None]) / total
    better = torch.where((score >= other_score)[..., None], xy, other)
    apart = (xy - other).norm(dim=-1) > FLIP_AGREEMENT_PX
    merged_score = torch.where(
        apart, torch.maximum(score, other_score) / 2, (score + other_score) / 2
    )
    return torch.where(apart[..., None], better, mean), merged_score


def _peaks(center: Tensor) -> tuple[Tensor, Tensor]:
    """Scores and flat cells (N, 6) of the highest local maxima of the centre map (N, 1, h, w)."""
    half = _PEAK_WINDOW_CELLS // 2
    peaks = center * (center == functional.max_pool2d(center, _PEAK_WINDOW_CELLS, 1, half))
    scores, cells = peaks.flatten(1).topk(PEOPLE)
    return scores, cells


def _at(values: Tensor, cells: Tensor) -> Tensor:
    """Values of a map (N, C, h, w) at flat cells (N, P), shape (N, P, C)."""
    flat = values.flatten(2)
    return flat.gather(2, cells[:, None].expand(-1, flat.shape[1], -1)).transpose(1, 2)


def _boxes(maps: dict[str, Tensor], centers: Tensor, width: int) -> Tensor:
    """Boxes (N, P, 4) x0 y0 x1 y1 in cells."""
    middle = torch.stack((centers % width, centers // width), -1)
    middle = middle + _at(maps["box_offset"], centers).flip(-1)
    half = _at(maps["box_scale"], centers).clamp(min=0).flip(-1) / 2
    return torch.cat((middle - half, middle + half), -1)


def _regressed(regress: Tensor, centers: Tensor) -> Tensor:
    """Rough joints (N, P, 17, 2) x y in cells, regressed at the person's centre cells (N, P)."""
    width = regress.shape[-1]
    origin = torch.stack((centers % width, centers // width), -1)[:, :, None]
    return origin + _at(regress, centers).unflatten(2, (JOINTS, 2)).flip(-1)


def _cell_grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Row (h, 1) and column (1, w) numbers of the cells of a map."""
    rows = torch.arange(height, device=device)[:, None]
    columns = torch.arange(width, device=device)[None, :]
    return rows, columns
