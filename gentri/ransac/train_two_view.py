"""Train the scorer of two-view hypotheses.

    python -m gentri.ransac.train_two_view --clips examples/cmu_mocap/cmu_subset_10hz.npz --out FILE

Two losses share one description of correspondences: the expected pose error under a softmax over
the hypotheses, and the pose error after refinement with the weights that the network gives. The
derivative of the latter goes through three Gauss–Newton steps from a pose that is refined already,
which near a minimum is that of the minimum. One thread, minutes.
"""

import argparse
import json
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gentri.data import FloatArray
from gentri.geometry.two_view_solvers import relative_pose
from gentri.pipeline.atomic import atomic_write
from gentri.ransac.learned_two_view import MISTAKE
from gentri.ransac.two_view_hypotheses import Poses, hypothesize, improved, sampson_distances
from gentri.ransac.two_view_scenes import TRAINING_SUBJECTS, TwoViews, of_subjects, scenes
from gentri.ransac.two_view_scorer import (
    LOOKED_AT,
    TwoViewScorer,
    describe_pairs,
    relative_confidence,
)
from gentri.synthetic import read_clips

VIEWS = (2, 2, 2, 3, 4)  # of the rigs, in turn: two stand on an arc, more on rings as well
KEPT = LOOKED_AT  # correspondences of each example, drawn anew where there are fewer
HELD_BACK = 0.1  # share of the rigs, by which training is judged while it runs
STEPS, BATCH, RATE, DECAY = 1500, 20, 2e-3, 1e-3
WARM_UP = 0.05  # share of the steps
HYPOTHESES = 24  # of each example in a step
SEEN_SHARE = 0.5  # of the correspondences, in a step
UNROLLED = 3  # Gauss–Newton steps
# An error that counts: from here on twice the error is one more loss. Degrees.
SCORE_KNEE_DEG, REFINED_KNEE_DEG = 0.5, 0.03
ENTROPY = 0.02  # bonus on undecided choices, falling to nothing


@dataclass(frozen=True, eq=False)
class Examples:
    """P pairs of views, as tensors of float64.

    Attributes:
        a, b: (P, N, 2). weight, confidence: (P, N). threshold: (P, 1).
        R: (P, 3, 3) truth. t: (P, 3).
        R_hypothesis: (P, K, 3, 3). t_hypothesis: (P, K, 3).
        R_refined: (P, 3, 3) by `two_view_solvers.relative_pose`. t_refined: (P, 3).
    """

    a: Tensor
    b: Tensor
    weight: Tensor
    confidence: Tensor
    threshold: Tensor
    R: Tensor
    t: Tensor
    R_hypothesis: Tensor
    t_hypothesis: Tensor
    R_refined: Tensor
    t_refined: Tensor

    def __getitem__(self, index: Tensor) -> "Examples":
        return Examples(*(getattr(self, f.name)[index] for f in fields(self)))

    def __len__(self) -> int:
        return len(self.a)


def example(pair: TwoViews, seed: int) -> tuple[FloatArray, ...] | None:
    """The fields of `Examples` of one pair; None where nothing is found."""
    start = relative_pose(pair.a, pair.b, pair.threshold, seed, pair.weight)
    if start is None:
        return None
    poses = hypothesize(pair.a, pair.b, pair.weight, pair.threshold, seed)
    count = len(pair.a)
    keep = np.random.default_rng(seed).permutation(max(count, KEPT))[:KEPT] % count
    confidence = relative_confidence(pair.weight)
    seen = (x[keep] for x in (pair.a, pair.b, pair.weight, confidence))
    size = np.array([pair.threshold])
    return (*seen, size, pair.R, pair.t, poses.R.numpy(), poses.t.numpy(), start.R, start.t)


def make_examples(rigs: int, seed: int, clips_file: Path) -> tuple[Examples, Examples]:
    """Examples to train with, and of other rigs those to judge by."""
    clips = of_subjects(read_clips(clips_file), TRAINING_SUBJECTS)
    parts: tuple[list, list] = ([], [])
    for rig in range(rigs):
        rng = np.random.default_rng([seed, rig])
        rows = parts[rig < HELD_BACK * rigs]
        for i, pair in enumerate(scenes(rng, clips, VIEWS[rig % len(VIEWS)])):
            if (row := example(pair, rig * 100 + i)) is not None:
                rows.append(row)

    def stacked(rows: list[tuple[FloatArray, ...]]) -> Examples:
        return Examples(*(torch.from_numpy(np.stack(c)) for c in zip(*rows, strict=True)))

    return stacked(parts[0]), stacked(parts[1])


def pose_error(poses: Poses, R: Tensor, t: Tensor) -> Tensor:
    """Angles of rotation and direction together, degrees (small angles), (...)."""
    turn = ((poses.R - R).square().sum((-1, -2)) / 2 + 1e-12).sqrt()
    return torch.rad2deg(turn + ((poses.t - t).square().sum(-1) + 1e-12).sqrt())


def choice(network: TwoViewScorer, x: Examples, picks: Tensor) -> tuple[Tensor, Tensor]:
    """Scores and pose errors, degrees, of hypotheses, both (B, K).

    Args:
        network: that scores.
        x: B examples.
        picks: (B, M) which correspondences it sees.
    """
    a, b = (v.take_along_dim(picks[..., None], 1)[:, None] for v in (x.a, x.b))
    confidence = x.confidence.take_along_dim(picks, 1)[:, None]
    poses = Poses(x.R_hypothesis, x.t_hypothesis)
    features = describe_pairs(poses, a, b, confidence, x.threshold[:, None])
    return network.score(features), pose_error(poses, x.R[:, None], x.t[:, None]).float()


def refined(network: TwoViewScorer | None, x: Examples) -> Tensor:
    """Pose errors (B,), degrees, after refinement with the network's weights, or without (None)."""
    poses = Poses(x.R_refined, x.t_refined)
    near = sampson_distances(poses, x.a, x.b) < MISTAKE * x.threshold
    weight = x.weight * near
    if network is not None:
        features = describe_pairs(poses, x.a, x.b, x.confidence, x.threshold)
        weight = weight * network.log_weight(features).double().exp()
    for _ in range(UNROLLED):
        poses = improved(poses, x.a, x.b, weight, x.threshold)
    return pose_error(poses, x.R, x.t).float()


def train(
    network: TwoViewScorer, examples: Examples, seed: int, steps: int, until: float
) -> list[float]:
    """Train in place; returns the loss of each step. Stops early at time `until` (`monotonic`)."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    warm_up = max(round(WARM_UP * steps), 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min((n + 1) / warm_up, 0.5 * (1 + np.cos(np.pi * n / steps)) + 1e-3)
    )
    losses = []
    for step in range(steps):
        x = examples[torch.randint(len(examples), (BATCH,), generator=generator)]
        value = loss(network, x, generator, entropy=ENTROPY * (1 - step / steps))
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(value.item())
        if step % 100 == 0:
            print(f"step {step}: loss {np.mean(losses[-100:]):.3f}", flush=True)
        if time.monotonic() > until:
            print(f"stopped after {step + 1} of {steps} steps: no time left")
            break
    return losses


def loss(network: TwoViewScorer, x: Examples, generator: torch.Generator, entropy: float) -> Tensor:
    """Of one batch, seen through random hypotheses and correspondences.

    Args:
        network: in training.
        x: examples.
        generator: of the choice.
        entropy: bonus on undecided choices.
    """
    few = torch.randperm(x.R_hypothesis.shape[1], generator=generator)[:HYPOTHESES]
    x = replace(x, R_hypothesis=x.R_hypothesis[:, few], t_hypothesis=x.t_hypothesis[:, few])
    picks = torch.rand(x.weight.shape, generator=generator).argsort(-1)[
        :, : round(SEEN_SHARE * KEPT)
    ]
    score, error = choice(network, x, picks)
    chance = score.softmax(-1)
    expected = (chance * torch.log1p(error / SCORE_KNEE_DEG)).sum(-1).mean()
    undecided = -(chance * score.log_softmax(-1)).sum(-1).mean()
    after = torch.log(refined(network, x) + REFINED_KNEE_DEG).mean()
    return expected - entropy * undecided + after


def judged(network: TwoViewScorer, examples: Examples) -> dict[str, float]:
    """Median pose errors, degrees, of choices and refinements."""
    found: dict[str, list[Tensor]] = {}
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for x in (examples[i] for i in torch.arange(len(examples)).split(BATCH)):
            picks = torch.rand(x.weight.shape, generator=generator).argsort(-1)[:, :LOOKED_AT]
            score, error = choice(network, x, picks)
            best = score.argmax(-1, keepdim=True)
            found.setdefault("chosen_deg", []).append(error.take_along_dim(best, -1)[:, 0])
            found.setdefault("drawn_deg", []).append(error.median(-1).values)
            found.setdefault("best_hypothesis_deg", []).append(error.amin(-1))
            found.setdefault("refined_deg", []).append(refined(None, x))
            weighted = refined(network, x)
            found.setdefault("refined_with_learned_weights_deg", []).append(weighted)
    return {name: round(float(torch.cat(v).median()), 4) for name, v in found.items()}


def main() -> None:
    """Make examples, train, print how good the network is and write it."""
    parser = argparse.ArgumentParser(description="Train the scorer of two-view hypotheses.")
    parser.add_argument("--clips", type=Path, required=True, help="cmu_subset_10hz.npz")
    parser.add_argument("--out", type=Path, required=True, help="file.safetensors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rigs", type=int, default=700, help="how many to make examples of")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--minutes", type=float, default=30.0, help="stop training after so long")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    start = time.monotonic()
    training, others = make_examples(arguments.rigs, arguments.seed, arguments.clips)
    print(f"{len(training)} + {len(others)} examples, {time.monotonic() - start:.0f} s", flush=True)
    network = TwoViewScorer()
    until = start + 60 * arguments.minutes
    losses = train(network, training, arguments.seed, arguments.steps, until)
    figures = judged(network.eval(), others)
    print(json.dumps(figures, indent=1))
    write(network, arguments.out, {"seed": arguments.seed, "steps": len(losses)} | figures)


def write(network: TwoViewScorer, path: Path, figures: dict[str, float]) -> None:
    """Save weights with what there is to know about them."""
    from safetensors.torch import save_file

    note = {
        "joints": "any: joints are told apart by error, confidence and depth alone",
        "inputs": "Sampson distance over 0.02 person sizes, weight = product of scores",
        "training": "gentri.ransac.train_two_view, CMU subjects " + " ".join(TRAINING_SUBJECTS),
        "metrics": json.dumps(figures),
    }
    with atomic_write(path) as temporary:
        save_file(network.state_dict(), temporary, note)


if __name__ == "__main__":
    main()
