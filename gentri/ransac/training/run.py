"""The training itself: from motion over examples and steps to a weight file.

A training that was killed goes on where it was: examples are kept as they are made, the networks
and the optimizer every so many steps; what is random depends on the seed and the number of the
step.
"""

import hashlib
import json
import logging
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from gentri.errors import UsageError
from gentri.ransac.scorer_file import SUFFIX, write_scorer
from gentri.ransac.training.examples import MAKERS, Data, Wanted, example_files, joined
from gentri.ransac.training.loop import Progress, Training
from gentri.ransac.training.people import People, split_by_subject, subjects
from gentri.ransac.training.settings import TrainingSettings
from gentri.ransac.training.tasks import TASKS
from gentri.synthetic import Clip

_LOG = logging.getLogger(__name__)


def train(
    clips: tuple[Clip, ...],
    out: Path,
    settings: TrainingSettings,
    *,
    work: Path | None = None,
    device: str = "cpu",
    progress: Progress = lambda _what, _done, _total: None,
) -> dict[str, Any]:
    """Train a scorer and write it.

    Args:
        clips: motion of people.
        out: the `.safetensors` to write.
        settings: from `read_settings`.
        work: folder for examples, checkpoints and `curve.csv`, which a later run goes on with;
            trainings of other settings may share it. None: beside the result.
        device: where the network is trained.
        progress: called now and then.

    Returns:
        The card: settings, subjects, metrics (None where there is no such figure).

    Raises:
        InputError: no subject is left to train on.
        TrainingError: the loss is no number any more; nothing is written.
        UsageError: the result cannot be written there.
    """
    people = split_by_subject(clips, settings.examples.left_out)
    _check_place(out)
    _LOG.info(people.words)
    work = out.with_name(f"{out.name}.training") if work is None else work
    made = [settings.method, settings.seed, asdict(settings.examples)]
    made += [_motion(people.training), _motion(people.judges)]
    data = examples(work / f"examples-{_digest(made)}", people, settings, progress)
    own = work / f"run-{_digest([*made, asdict(settings)])}"
    network, metrics = fit(data, settings, own, device=device, progress=progress)
    card = {
        "settings": asdict(settings),
        "subjects": subjects(people.training),
        "judged_by": subjects(people.judging),
        "people": people.words,
        "clips": len(people.training),
        "examples": {str(v): len(next(iter(e.values()))) for v, e in data.training.items()},
        "metrics": {name: x if math.isfinite(x) else None for name, x in metrics.items()},
    }
    write_scorer(network, out, card)
    return card


def fit(
    data: Data,
    settings: TrainingSettings,
    work: Path,
    *,
    device: str = "cpu",
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
    training = Training(TASKS[settings.method](settings), data, settings, work, device)
    metrics = training.run(progress)
    return training.averaged, metrics


def _check_place(out: Path) -> None:
    """Refuse before the work what could not be written after it."""
    if out.suffix != SUFFIX or out.is_dir():
        raise UsageError(f"{out} is no name of a weight file", f"name a file: --out NAME{SUFFIX}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder {out.parent} cannot be made: {error.strerror}", "name another with --out"
        ) from error


def _motion(clips: tuple[Clip, ...]) -> list[str]:
    digests = (hashlib.sha256(np.ascontiguousarray(clip.xyz).tobytes()) for clip in clips)
    return [
        f"{clip.name} {digest.hexdigest()}" for clip, digest in zip(clips, digests, strict=True)
    ]


def _digest(what: list[Any]) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def examples(
    folder: Path,
    people: People,
    settings: TrainingSettings,
    progress: Progress = lambda _what, _done, _total: None,
) -> Data:
    """The examples that settings ask for, made where they are not in the folder yet."""
    from safetensors.torch import load_file

    data, wanted, done = Data({}, {}), settings.examples, 0
    for views, takes in zip(wanted.views, wanted.takes, strict=True):
        back = max(1, round(wanted.held_back * takes))
        parts = ((data.training, people.training, takes), (data.held_back, people.judges, back))
        for part, (kept, clips, count) in enumerate(parts):
            seed = 2 * settings.seed + part
            which = Wanted(MAKERS[settings.method], views, count, tuple(wanted.errors), seed)
            files = []
            for path in example_files(folder / str(part), clips, which):
                files.append(load_file(path))
                progress("examples", done, sum(wanted.takes))
            kept[views] = joined(files)
        done += takes
    return data
