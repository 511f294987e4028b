"""The training itself: from motion over examples and steps to a weight file.

A training that was killed goes on where it was: examples are kept as they are made, the networks
and the optimizer every so many steps; what is random depends on the seed and the number of the
step.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gentri.errors import InputError
from gentri.ransac.scorer_file import write_scorer
from gentri.ransac.training.examples import MAKERS, Data, Wanted, example_files, joined
from gentri.ransac.training.loop import Progress, Training
from gentri.ransac.training.settings import TrainingSettings
from gentri.ransac.training.tasks import TASKS
from gentri.synthetic import Clip, kinds_of_takes


def train(
    clips: tuple[Clip, ...],
    out: Path,
    settings: TrainingSettings,
    *,
    work: Path | None = None,
    device: str = "auto",
    progress: Progress = lambda _what, _done, _total: None,
) -> dict[str, Any]:
    """Train a scorer and write it.

    Args:
        clips: motion of people.
        out: the `.safetensors` to write.
        settings: from `read_settings`.
        work: folder for examples and checkpoints, which a later run goes on with; trainings of
            other settings may share it. None: beside the result.
        device: where the network is trained; "auto" takes CUDA where there is one.
        progress: called now and then.

    Returns:
        The card: settings, subjects, metrics.

    Raises:
        InputError: no motion is left to train on.
    """
    mine = subjects_to_train_on(clips, settings)
    work = out.with_name(f"{out.name}.training") if work is None else work
    made = [settings.method, settings.seed, asdict(settings.examples), *_motion(mine)]
    data = examples(work / f"examples-{_digest(made)}", mine, settings, progress)
    own = work / f"run-{_digest([*made, asdict(settings)])}"
    network, metrics = fit(data, settings, own, device=device, progress=progress)
    card = {
        "settings": asdict(settings),
        "subjects": sorted({clip.subject for clip in mine}),
        "clips": len(mine),
        "examples": {str(v): len(next(iter(e.values()))) for v, e in data.training.items()},
        "metrics": metrics,
    }
    write_scorer(network, out, card)
    return card


def fit(
    data: Data,
    settings: TrainingSettings,
    work: Path,
    *,
    device: str = "auto",
    progress: Progress = lambda _what, _done, _total: None,
) -> tuple[nn.Module, dict[str, float]]:
    """Train on examples; the network, and figures of what was held back.

    Args:
        data: from `examples`.
        settings: from `read_settings`.
        work: folder of the checkpoint and of `curve.csv`.
        device: as for `train`.
        progress: as for `train`.
    """
    work.mkdir(parents=True, exist_ok=True)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    training = Training(TASKS[settings.method](settings), data, settings, work, device)
    metrics = training.run(progress)
    return training.averaged, metrics


def subjects_to_train_on(clips: tuple[Clip, ...], settings: TrainingSettings) -> tuple[Clip, ...]:
    """Clips of subjects that are not left out; InputError where they make no takes."""
    left_out = tuple(settings.examples.left_out)
    mine = tuple(c for c in clips if not c.subject.startswith(left_out or ("\0",)))
    if not mine:
        raise InputError(
            f"of {len(clips)} clips none is left to train on",
            f"give more motion, or fewer subjects in examples.left_out ({', '.join(left_out)})",
        )
    kinds_of_takes(mine)
    return mine


def _motion(clips: tuple[Clip, ...]) -> list[str]:
    digests = (hashlib.sha256(np.ascontiguousarray(clip.xyz).tobytes()) for clip in clips)
    return [
        f"{clip.name} {digest.hexdigest()}" for clip, digest in zip(clips, digests, strict=True)
    ]


def _digest(what: list[Any]) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def examples(
    folder: Path,
    clips: tuple[Clip, ...],
    settings: TrainingSettings,
    progress: Progress = lambda _what, _done, _total: None,
) -> Data:
    """The examples that settings ask for, made where they are not in the folder yet."""
    from safetensors.torch import load_file

    data, wanted, done = Data({}, {}), settings.examples, 0
    for views, takes in zip(wanted.views, wanted.takes, strict=True):
        back = max(1, round(wanted.held_back * takes))
        for kept, count, part in ((data.training, takes, 0), (data.held_back, back, 1)):
            seed = 2 * settings.seed + part
            which = Wanted(MAKERS[settings.method], views, count, tuple(wanted.errors), seed)
            parts = []
            for path in example_files(folder / str(part), clips, which):
                parts.append(load_file(path))
                progress("examples", done, sum(wanted.takes))
            kept[views] = joined(parts)
        done += takes
    return data
