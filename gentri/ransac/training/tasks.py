"""The two things that can be trained, behind one interface."""

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from gentri.ransac.anatomy import ELSE, Anatomy
from gentri.ransac.candidate_scorer import CandidateScorer, Sizes
from gentri.ransac.features import GROUPS, LENGTH
from gentri.ransac.training.examples import Examples
from gentri.ransac.training.losses import (
    candidate_loss,
    chosen,
    selection_weights,
    whole_pose_loss,
)
from gentri.ransac.training.settings import TrainingSettings
from gentri.ransac.whole_pose import (
    HYPOTHESES,
    JOINT_SETS,
    WholePoseScorer,
    chosen_pose,
    relative,
)
from gentri.skeletons import COCO17

UNKNOWN_KIND = (
    0.1  # share of the joints of a step whose kind is not told: unknown skeletons have such
)
LEAST_SPREAD = 0.05  # of a feature that hardly varies
SKELETONS_AT_ONCE = 256  # when judging


class Task(Protocol):
    """What is trained."""

    def network(self, examples: dict[int, Examples]) -> nn.Module:
        """A new one, with the normaliser that the examples call for."""
        ...

    def loss(
        self, network: nn.Module, batch: Examples, views: int, progress: float,
        generator: torch.Generator,
    ) -> Tensor:  # fmt: skip
        """A scalar to minimise."""
        ...

    def judged(self, network: nn.Module, examples: Examples) -> dict[str, float]:
        """Figures of what was held back."""
        ...


class CandidateTask:
    """The learned triangulation."""

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        self.anatomy = Anatomy.of(COCO17)
        self.weight: dict[int, float] = {}

    def network(self, examples: dict[int, Examples]) -> CandidateScorer:
        """With mean and spread of the features."""
        sizes = self.settings.network
        network = CandidateScorer(
            Sizes(sizes.candidate, sizes.joint, sizes.heads, sizes.layers, sizes.attention)
        )
        some = torch.cat([e["features"][::50][e["valid"][::50]].float() for e in examples.values()])
        network.mean.copy_(some.mean(dim=0))
        network.spread.copy_(some.std(dim=0).clamp_min(LEAST_SPREAD))
        for group in sizes.features_left_out:
            network.spread[_columns(group)] = torch.inf
        # Errors with few views are several times those with many, and must not drown them.
        usual = {v: _usual_error(e) for v, e in examples.items()}
        middle = sorted(usual.values())[len(usual) // 2]
        self.weight = {views: middle / error for views, error in usual.items()}
        return network

    def loss(
        self, network: nn.Module, batch: Examples, views: int, progress: float,
        generator: torch.Generator,
    ) -> Tensor:  # fmt: skip
        """Of one step."""
        kind = self.anatomy.kind
        untold = torch.rand(kind.shape, generator=generator) < UNKNOWN_KIND
        kind = torch.where(untold, ELSE, kind).to(batch["valid"].device)
        judgement = network(batch["features"].float(), kind, batch["valid"])
        share = selection_weights(
            judgement.score, batch["valid"], self.settings.selection, progress, generator
        )
        return candidate_loss(judgement, share, batch, self.settings.loss, self.weight[views])

    def judged(self, network: nn.Module, examples: Examples) -> dict[str, float]:
        """Mean error, shares of the person's box, and how well errors are foreseen (rank)."""
        errors, foreseen = [], []
        device = next(network.parameters()).device
        kind = self.anatomy.kind.to(device)
        for part in torch.arange(len(examples["valid"])).split(SKELETONS_AT_ONCE):
            some = {name: x[part].to(device) for name, x in examples.items()}
            judgement = network(some["features"].float(), kind, some["valid"])
            share = torch.where(some["valid"], judgement.score.softmax(dim=-1), 0.0)
            error = (chosen(share, some) - some["truth"]).norm(dim=-1)
            errors.append(error[some["known"]].cpu())
            foreseen.append(judgement.log_error_of_choice[some["known"]].cpu())
        error, expected = torch.cat(errors), LENGTH * torch.cat(foreseen).expm1()
        return {
            "error": float(error.mean()),
            "99th percentile": float(error.quantile(0.99)),
            "rank correlation": rank_correlation(error, expected),
        }


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's, of values (N,); NaN where one of them is no number, or all are the same."""
    if any(not x.isfinite().all() or (x == x[0]).all() for x in (a, b)):
        return math.nan
    ranks = torch.stack([x.argsort().argsort().double() for x in (a, b)])
    return float(torch.corrcoef(ranks)[0, 1])


def _columns(group: str) -> slice:
    names = list(GROUPS)
    first = sum(GROUPS[name] for name in names[: names.index(group)])
    return slice(first, first + GROUPS[group])


def _usual_error(examples: Examples) -> float:
    """Mean error of the reference, shares of the box."""
    known = examples["known"]
    return float(examples["truth"].norm(dim=-1)[known].clamp_max(0.3).mean())


class WholePoseTask:
    """The scorer of 2022."""

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        self.skeleton = JOINT_SETS[settings.network.joint_set]
        self.anatomy = Anatomy.of(self.skeleton)
        self.joints = [COCO17.index(joint) for joint in self.skeleton.joints]

    def network(self, examples: dict[int, Examples]) -> WholePoseScorer:
        """With mean and spread of the poses."""
        network = WholePoseScorer(self.skeleton.name)
        poses = torch.cat([e["truth"][:, self.joints] for e in examples.values()])
        network.mean.copy_(poses.mean(dim=0))
        network.spread.copy_(poses.std(dim=0).clamp_min(1e-3))
        return network

    def loss(
        self, network: nn.Module, batch: Examples, views: int, progress: float,
        generator: torch.Generator,
    ) -> Tensor:  # fmt: skip
        """Of one step."""
        poses = self._hypotheses(batch, generator)
        score = network(poses, self.anatomy.ends)
        truth = batch["truth"][:, self.joints]
        return whole_pose_loss(poses, score, truth, self.settings.loss.entropy)

    def judged(self, network: nn.Module, examples: Examples) -> dict[str, float]:
        """Mean error of the average pose about the hips, metres."""
        generator = torch.Generator().manual_seed(0)
        errors = []
        device = next(network.parameters()).device
        for part in torch.arange(len(examples["truth"])).split(SKELETONS_AT_ONCE):
            some = {name: x[part].to(device) for name, x in examples.items()}
            poses = self._hypotheses(some, generator)
            pose = chosen_pose(poses, network(poses, self.anatomy.ends), "average", generator)
            truth = some["truth"][:, self.joints]
            errors.append((relative(pose, self.anatomy) - truth).norm(dim=-1).cpu())
        return {"error": float(torch.cat(errors).mean())}

    def _hypotheses(self, examples: Examples, generator: torch.Generator) -> Tensor:
        """Poses (B, H, J, 3) about the hips, each joint from a random subset."""
        points = examples["points"][:, self.joints]
        batch, joints, options, _ = points.shape
        pick = torch.randint(options, (batch, joints, HYPOTHESES), generator=generator)
        drawn = points.gather(2, pick[..., None].expand(*pick.shape, 3).to(points.device))
        return relative(drawn.transpose(1, 2), self.anatomy)


TASKS = {"candidates": CandidateTask, "whole-pose": WholePoseTask}
