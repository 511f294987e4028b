"""Finished stretches of frames on disk: one row per person, so that no slot is empty."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.detectors.detector import People
from gentri.pipeline.atomic import atomic_write


def save_people(path: Path, people: list[People]) -> None:
    """Write the people of successive frames (at least one frame)."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            count=np.array([len(p.box_score) for p in people], dtype=np.int32),
            xy_px=np.concatenate([p.xy_px for p in people]),
            score=np.concatenate([p.score for p in people]),
            box_px=np.concatenate([p.box_px for p in people]),
        )


def count_people(path: Path) -> NDArray[np.int32]:
    """How many people each frame of a file shows."""
    with np.load(path, allow_pickle=False) as part:
        return part["count"]


def load_people(paths: Iterable[Path]) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Joints (N, J, 2), scores (N, J) and boxes (N, 4) of each frame, one file in memory."""
    for path in paths:
        with np.load(path, allow_pickle=False) as part:
            cuts = np.cumsum(part["count"])[:-1]
            rows = [np.split(part[name], cuts) for name in ("xy_px", "score", "box_px")]
        yield from zip(*rows, strict=True)
