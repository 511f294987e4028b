"""What each part of the learned triangulation is worth.

    python benchmarks/triangulation_ablations.py [--quick] [--work DIR]

Small trainings (fewer examples and steps than the shipped one) that differ in one thing, on people
and rigs that they have not seen: mean error and 99th percentile in mm at four views, sketched and
real-like errors. `--work` keeps examples and finished trainings for the next time.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from sessions import ROOT, print_table

from gentri.evaluation.synthetic import chosen_clips, suite, synthetic_sets
from gentri.ransac.features import FEATURES, GROUPS
from gentri.ransac.proposals import ALONE, ORIGINS, PRIOR_KINDS, SUBSET
from gentri.ransac.training.examples import Data, Examples, candidate_examples, joined
from gentri.ransac.training.losses import chosen
from gentri.ransac.training.people import split_by_subject
from gentri.ransac.training.run import examples, fit
from gentri.ransac.training.scenes import TrainingScene
from gentri.ransac.training.settings import read_settings
from gentri.ransac.training.tasks import SKELETONS_AT_ONCE, CandidateTask
from gentri.synthetic import Clip, Walk, read_clips

CLIPS = ROOT / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
BASE = {"examples.views": "[3, 4]", "examples.takes": "[100, 200]", "optimizer.steps": "800"}
NOISES = ("sketch", "real-like")
WIDTHS = (34, 24, 24)

Filter = Callable[[Examples], Examples]


@dataclass(frozen=True)
class Ablation:
    """A training that differs in one thing.

    Attributes:
        name: for the table.
        changes: of the settings.
        keep: what is kept of the examples, in training and test.
    """

    name: str
    changes: dict[str, str] = field(default_factory=dict)
    keep: Filter = lambda x: x


def of_origin(*kinds: int) -> Filter:
    """Candidates that come from these alone."""

    def keep(some: Examples) -> Examples:
        origin = some["features"][..., FEATURES - ORIGINS :].float().argmax(dim=-1)
        wanted = torch.isin(origin, torch.tensor(kinds)) & some["valid"]
        known = some["known"] & wanted.any(dim=-1)
        return {**some, "valid": wanted, "known": known}

    return keep


def first_subsets(count: int) -> Filter:
    """A cap on the candidates from subsets; pairs come first, and the full set is kept."""

    def keep(some: Examples) -> Examples:
        origin = some["features"][..., FEATURES - ORIGINS :].float().argmax(dim=-1)
        subset = (origin == SUBSET) & some["valid"]
        place = subset.cumsum(dim=-1)
        last = place == subset.sum(dim=-1, keepdim=True)
        valid = some["valid"] & (~subset | (place < count) | last)
        return {**some, "valid": valid}

    return keep


ABLATIONS = (
    Ablation("all of it"),
    *(
        Ablation(f"not told: {group}", {"network.features_left_out": f'["{group}"]'})
        for group in GROUPS
    ),
    Ablation("no attention between joints", {"network.attention": "false"}),
    Ablation("loss: expected error as well", {"loss.expected": "0.2"}),
    Ablation("loss: expected error alone", {"loss.estimate": "0.0", "loss.expected": "1.0"}),
    Ablation("loss: no errors foreseen", {"loss.error": "0.0", "loss.foreseen": "0.0"}),
    Ablation("loss: entropy", {"loss.entropy": "0.05"}),
    Ablation("hard choice", {"selection.hard": "true"}),
    Ablation("Gumbel, soft", {"selection.kind": "gumbel"}),
    Ablation(
        "Gumbel, hard, cooling",
        {
            "selection.kind": "gumbel",
            "selection.hard": "true",
            "selection.temperature": "[2.0, 0.5]",
        },
    ),
    Ablation("candidates: subsets alone", keep=of_origin(SUBSET)),
    Ablation("candidates: priors alone", keep=of_origin(*range(1, ALONE))),
    Ablation(
        "candidates: nothing of time",
        keep=of_origin(SUBSET, *(1 + PRIOR_KINDS.index(k) for k in ("robust", "bones"))),
    ),
    Ablation("candidates: four subsets", keep=first_subsets(4)),
    Ablation("taught by sketched errors", {"examples.errors": '["sketch"]'}),
    Ablation("taught by real-like errors", {"examples.errors": '["real"]'}),
)  # fmt: skip


def test_examples(noise: str, clips: tuple[Clip, ...], frames: int) -> Examples:
    """Of people and rigs that no training has seen, with lengths of the person in metres."""
    parts = []
    for one in synthetic_sets(suite(noise), 4, clips, frames):
        time_s = one.keypoints.time_s
        scene = TrainingScene(one.keypoints, one.rig, Walk(one.truth, time_s, np.nan))
        parts.append(candidate_examples(scene))
    return joined(parts)


def errors_mm(network: torch.nn.Module, some: Examples, hard: bool) -> tuple[float, float]:
    """Mean and 99th percentile, for a person of 1.7 m; the best candidate alone where `hard`."""
    kind = CandidateTask(read_settings()).anatomy.kind
    errors = []
    for part in torch.arange(len(some["valid"])).split(SKELETONS_AT_ONCE):
        piece = {name: x[part] for name, x in some.items()}
        with torch.no_grad():
            score = network(piece["features"].float(), kind, piece["valid"]).score
        share = torch.where(piece["valid"], score.softmax(dim=-1), 0.0)
        if hard:
            share = torch.zeros_like(share).scatter(-1, score.argmax(-1, keepdim=True), 1.0)
        errors.append((chosen(share, piece) - piece["truth"]).norm(dim=-1)[piece["known"]])
    error = 1700 * torch.cat(errors)
    return float(error.mean()), float(error.quantile(0.99))


def rows(work: Path, quick: bool) -> Iterator[tuple[str, ...]]:
    """A line per ablation as it is known."""
    clips = read_clips(CLIPS)
    unseen, _ = chosen_clips(clips)
    tests = {noise: test_examples(noise, unseen, 200 if quick else 1000) for noise in NOISES}
    yield ("", *(f"{noise}, mean mm (p99)" for noise in NOISES))
    for ablation in ABLATIONS:
        steps = {"optimizer.steps": "50"} if quick else {}
        settings = read_settings(None, {**BASE, **ablation.changes, **steps})
        errors = "-".join(settings.examples.errors)
        people = split_by_subject(clips, settings.examples.left_out)
        made = examples(work / errors, people, settings)
        data = Data(*({v: ablation.keep(e) for v, e in part.items()}
                      for part in (made.training, made.held_back)))  # fmt: skip
        network, _ = fit(data, settings, work / ablation.name.replace(" ", "-").replace(":", ""))
        kept = {noise: ablation.keep(test) for noise, test in tests.items()}
        figures = [errors_mm(network, kept[noise], hard=False) for noise in NOISES]
        yield (ablation.name, *(f"{mean:.2f} ({p99:.0f})" for mean, p99 in figures))
        if ablation is ABLATIONS[0]:
            figures = [errors_mm(network, kept[noise], hard=True) for noise in NOISES]
            yield ("the same, best candidate alone", *(f"{m:.2f} ({p:.0f})" for m, p in figures))


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="hardly trained: only whether it runs")
    parser.add_argument("--work", type=Path, help="folder of examples and trainings")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(arguments.work or Path(folder), arguments.quick):
            print_table([tuple(cell.ljust(width) for cell, width in zip(row, WIDTHS, strict=True))])


if __name__ == "__main__":
    main()
