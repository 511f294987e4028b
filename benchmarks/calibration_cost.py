"""What the stage `calibrate` costs, from keypoints as a session holds them to the rig's verdict.

Choice of the person, cameras, broken tracks joined, mix-ups undone, and the tests of the rig: all
that `gentri calibrate` does once people are detected.
"""

import hashlib
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from calibration_scenes import Condition, Scene, clips, make

from gentri import synthetic
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


def cost(condition: Condition, scenes: int, *, bystander: bool = False) -> Cost:
    """Run the stage on the first scenes of a condition, somebody standing by or not."""
    runs = [_runs(condition, seed, bystander) for seed in range(scenes)]
    return Cost(tuple(min(seconds) for seconds, _ in runs), all(same for _, same in runs))


def _runs(condition: Condition, seed: int, bystander: bool) -> tuple[list[float], bool]:
    """Seconds of each run on one scene, and whether all left the same bytes."""
    scene = make(condition, seed)
    people = [*scene.takes, *([_standing_by(scene, seed)] if bystander else [])]
    seconds, left = [], set()
    with tempfile.TemporaryDirectory() as folder:
        inputs = _publish(Path(folder), people)
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


def _standing_by(scene: Scene, seed: int) -> Keypoints2D:
    """Somebody who stands beside the volume for the whole take, at its ticks."""
    rng = np.random.default_rng([8, seed])
    (walker,) = scene.takes
    ticks = len(walker.time_s)
    still = synthetic.mocap_take(rng, clips(), seconds=10.0, fps=30.0, moving=False)
    once = still.xyz[np.isfinite(still.xyz).all(axis=(1, 2))] + np.array([2.5, 0.0, 0.0])
    again = np.concatenate([once, once[::-1]])  # to and fro, without a jump
    xyz = np.tile(again, (-(-ticks // len(again)), 1, 1))[:ticks]
    walk = replace(still, xyz=xyz, time_s=walker.time_s)
    return synthetic.sketch_noise(synthetic.observe(scene.truth, walk), walk, scene.truth, rng)


def _publish(folder: Path, people: list[Keypoints2D]) -> dict[str, Path]:
    """What the stages before would have left."""
    seen = people[0]
    inputs = {name: folder / name for name in calibrate.STAGE.needs}
    for path in inputs.values():
        path.mkdir()
    times = (seen.time_s,) * len(seen.cameras)
    Timeline(seen.cameras, times, seen.size_px).save(inputs["frames"] / "timeline.npz")
    gap = gap_frames(seen.time_s, load_settings(STAGES)["detect"].track_gap_s)
    for c, name in enumerate(seen.cameras):
        _tracked(people, c, gap).save(inputs["detect"] / f"{name}.npz")
    return inputs


def _tracked(people: list[Keypoints2D], camera: int, gap: int) -> Detections:
    """Each person under a new number after every absence, as a detector has it."""
    seen = people[0]
    width, height = (int(n) for n in seen.size_px[camera])
    xy = np.stack([person.xy_px[camera] for person in people], axis=1)
    score = np.stack([person.score[camera] for person in people], axis=1)
    frames = _frames(xy, score)
    return everyone(frames, len(xy), len(people), (width, height), seen.skeleton, gap)


def _frames(xy: np.ndarray, score: np.ndarray) -> Iterator[FramePeople]:
    """Those who are shown, of (T, P, J, 2) and (T, P, J)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nobody has no box
        box = np.concatenate([np.nanmin(xy, axis=2), np.nanmax(xy, axis=2)], axis=-1)
    shown = np.isfinite(xy).any(axis=(2, 3))
    for at, x, s, b in zip(shown, xy, score, box, strict=True):
        yield x[at], s[at], b[at], None
