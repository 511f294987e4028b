"""What the stage `calibrate` costs, from keypoints as a session holds them to the rig's verdict.

Choice of the person, cameras, broken tracks joined, mix-ups undone, and the tests of the rig: all
that `gentri calibrate` does once people are detected.
"""

import hashlib
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibration_scenes import Condition, make

from gentri.configs.settings import load_settings
from gentri.data import Detections, Keypoints2D, Timeline
from gentri.people.everyone import FramePeople, everyone
from gentri.pipeline.runner import Silent
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Context, Runtime
from gentri.stages import STAGES, calibrate
from gentri.ticks import gap_frames

RUNS = 2  # the better one counts: the first loads libraries, and other work may interfere


@dataclass(frozen=True)
class Cost:
    """Seconds of the stage, scene by scene, and whether every run left the same bytes."""

    seconds: tuple[float, ...]
    same: bool

    @property
    def mean(self) -> float:
        """Over the scenes: a solver needs more steps in one than in another."""
        return sum(self.seconds) / len(self.seconds)


def cost(condition: Condition, scenes: int) -> Cost:
    """Run the stage on the first scenes of a condition."""
    runs = [_runs(condition, seed) for seed in range(scenes)]
    return Cost(tuple(min(seconds) for seconds, _ in runs), all(same for _, same in runs))


def _runs(condition: Condition, seed: int) -> tuple[list[float], bool]:
    """Seconds of each run on one scene, and whether all left the same bytes."""
    (seen,) = make(condition, seed).takes
    seconds, left = [], set()
    with tempfile.TemporaryDirectory() as folder:
        inputs = _publish(Path(folder), seen)
        session = Session(Path(folder), {})
        params = load_settings(STAGES)["calibrate"]
        for run in range(RUNS):
            out = Path(folder) / f"calibrate{run}"
            out.mkdir()
            context = Context(params, out, inputs, session, Runtime(), Silent())
            start = time.perf_counter()
            calibrate.STAGE.run(context)
            seconds.append(time.perf_counter() - start)
            files = sorted(path for path in out.rglob("*") if path.is_file())
            left.add(tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files))
    return seconds, len(left) == 1


def _publish(folder: Path, seen: Keypoints2D) -> dict[str, Path]:
    """What the stages before would have left."""
    inputs = {name: folder / name for name in calibrate.STAGE.needs}
    for path in inputs.values():
        path.mkdir()
    times = (seen.time_s,) * len(seen.cameras)
    Timeline(seen.cameras, times, seen.size_px).save(inputs["frames"] / "timeline.npz")
    gap = gap_frames(seen.time_s, load_settings(STAGES)["detect"].track_gap_s)
    for c, name in enumerate(seen.cameras):
        _tracked(seen, c, gap).save(inputs["detect"] / f"{name}.npz")
    return inputs


def _tracked(seen: Keypoints2D, camera: int, gap: int) -> Detections:
    """The person under a new number after every absence, as a detector has it."""
    width, height = (int(n) for n in seen.size_px[camera])
    frames = _frames(seen.xy_px[camera], seen.score[camera])
    return everyone(frames, len(seen.time_s), 1, (width, height), seen.skeleton, gap)


def _frames(xy: np.ndarray, score: np.ndarray) -> Iterator[FramePeople]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nobody has no box
        box = np.concatenate([np.nanmin(xy, axis=1), np.nanmax(xy, axis=1)], axis=-1)
    shown = np.isfinite(xy).any(axis=(1, 2)).astype(int)
    for frame, people in enumerate(shown):
        at = slice(frame, frame + people)
        yield xy[at], score[at], box[at], None
