"""The learned way to the relative pose of two views beside the classical ones.

    python benchmarks/learned_two_views.py [--rigs N]

People and rigs that the network has never seen, 50 frames, lenses known, sketched and real-like
errors: two cameras on an arc, and all pairs of rings and arcs of four (some face each other).
Medians (90th percentiles; infinite where nothing is found). The last column compares with "gentri,
pair" scene by scene: geometric mean of the ratio of rotation errors, with its standard error.
"""

import argparse
import time
from dataclasses import dataclass, field

import baselines
import numpy as np
from calibration_scenes import clips
from sessions import print_table

from gentri.data import FloatArray
from gentri.geometry.comparison import rotation_angle
from gentri.geometry.epipolar import RelativePose, TwoViewSolver
from gentri.geometry.two_view_solvers import SOLVERS
from gentri.ransac.learned_two_view import learned_solver
from gentri.ransac.two_view_scenes import (
    TEST_SUBJECTS,
    THRESHOLD,
    TwoViews,
    of_subjects,
    scenes,
)

REFERENCE = "gentri, pair"
SEED = 99
LEAST_DEG = 0.01  # a smaller error is as good: no ratio of two of them says anything
# Scenes, number of cameras, share of the rigs (a rig of four has six pairs).
KINDS = (("two cameras", 2, 1.0), ("pairs of four cameras", 4, 0.25))


def _classical(name: str) -> tuple[TwoViewSolver, float]:
    return SOLVERS[name], baselines.THRESHOLD.get(name, THRESHOLD)


# Title → solver and its threshold, share of the person's size.
METHODS: dict[str, tuple[TwoViewSolver, float]] = {
    "8-point": _classical("eight_point"),
    "OpenCV RANSAC": _classical("ransac"),
    "OpenCV MAGSAC": _classical("magsac"),
    "OpenCV USAC_ACCURATE": _classical("usac_accurate"),
    "PoseLib": _classical("poselib"),
    REFERENCE: _classical("refined"),
    "learned choice": (learned_solver(refine=False), THRESHOLD),
    "learned choice, refined": (learned_solver(), THRESHOLD),
    "learned choice and weights": (learned_solver(weigh=True), THRESHOLD),
}


@dataclass
class Errors:
    """Of one method: degrees and milliseconds, scene by scene; infinite where nothing is found."""

    rotation: list[float] = field(default_factory=list)
    direction: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def add(self, pose: RelativePose | None, truth: TwoViews, ms: float) -> None:
        """One scene."""
        self.ms.append(ms)
        if pose is None:
            self.rotation.append(np.inf)
            self.direction.append(np.inf)
            return
        self.rotation.append(float(np.degrees(rotation_angle(pose.R.T @ truth.R))))
        cosine = np.clip(pose.t @ truth.t, -1.0, 1.0)
        self.direction.append(float(np.degrees(np.arccos(cosine))))


def measure(views: int, rigs: int) -> dict[bool, dict[str, Errors]]:
    """Errors of all methods on the pairs of so many rigs, by whether errors are real-like."""
    people = of_subjects(clips(), TEST_SUBJECTS)
    found = {real_like: {title: Errors() for title in METHODS} for real_like in (False, True)}
    for seed in range(rigs):
        for pair in scenes(np.random.default_rng([SEED, views, seed]), people, views):
            for title, (solve, share) in METHODS.items():
                threshold = pair.threshold * share / THRESHOLD
                start = time.perf_counter()
                pose = solve(pair.a, pair.b, threshold, seed, pair.weight)
                ms = 1e3 * (time.perf_counter() - start)
                found[pair.real_like][title].add(pose, pair, ms)
    return found


def rows(found: dict[str, Errors]) -> list[tuple[str, ...]]:
    """Lines of the table."""

    def middle(values: list[float]) -> str:
        # Some are infinite: no mean of two of them.
        half, most = np.percentile(values, [50, 90], method="nearest")
        return f"{half:.3f} ({most:.2f})"

    reference = np.array(found[REFERENCE].rotation)
    return [
        (
            title,
            middle(e.rotation),
            middle(e.direction),
            f"{np.median(e.ms):.0f}",
            "" if title == REFERENCE else ratio(np.array(e.rotation), reference),
        )
        for title, e in found.items()
    ]


def ratio(errors: FloatArray, reference: FloatArray) -> str:
    """Geometric mean of errors over the reference's where both found a pose, ± standard error."""
    both = np.isfinite(errors) & np.isfinite(reference)
    logs = np.log(np.maximum(errors, LEAST_DEG) / np.maximum(reference, LEAST_DEG))[both]
    mean = float(np.exp(logs.mean()))
    return f"{mean:.3f} ± {mean * logs.std() / np.sqrt(len(logs)):.3f}"


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rigs", type=int, default=120, help="of two cameras")
    arguments = parser.parse_args()
    for name, views, share in KINDS:
        found = measure(views, max(round(arguments.rigs * share), 1))
        for real_like, methods in found.items():
            count = len(methods[REFERENCE].rotation)
            print(f"{name}, {'real-like' if real_like else 'sketched'} errors, {count} pairs")
            head = ("method", "rotation °", "direction °", "ms", "over gentri, pair")
            print_table([head, *rows(methods)])


if __name__ == "__main__":
    main()
