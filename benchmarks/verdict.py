"""Does gentri call bad rigs bad, for the right reason, and leave good ones alone?

    python benchmarks/verdict.py [--quick] [--json]

People of the CMU motion-capture database in front of 2 to 8 cameras, half of the scenes with
sketched and half with real-like detector errors. 100 scenes are bad in one of six ways; 100 are
good: a person moves through the volume for 20 to 30 s, three or more cameras with unknown focal
lengths, or two with given ones (two cameras alone hardly tell focal lengths: that is a case for
"poor"). The real clip in `examples/balance` follows, as it is and damaged.
"""

import argparse
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import verdict_clip
import verdict_scenes as scenes
from calibration_accuracy import options

from gentri.data import Intrinsics
from gentri.errors import CalibrationError
from gentri.geometry.calibration import calibrate_views
from gentri.geometry.comparison import compare_rigs
from gentri.geometry.verdict import judge
from gentri.geometry.world import rig_in_world, world_of_person

BAD_BAR, GOOD_BAR = 0.95, 0.05
Make = Callable[[np.random.Generator, bool], scenes.Scene]


@dataclass(frozen=True)
class Kind:
    """A way of being bad, and the reasons that are right for it: kinds, or words of a refusal."""

    name: str
    make: Make
    right: frozenset[str]
    refusal: str = "$^"


APART = "two cameras at once|no position was found|no two cameras agree"
BAD = (
    Kind("on the spot", scenes.on_the_spot, frozenset({"spot"}), "hardly moves"),
    Kind("parallel cameras", scenes.parallel, frozenset({"line"}), "parallel|side by side"),
    Kind("opposite pair", scenes.opposite, frozenset({"line"}), "opposite|face to face"),
    Kind("no overlap", scenes.apart, frozenset({"disagrees"}), APART),
    Kind("one 0.3 s late", scenes.late, frozenset({"late"})),
    Kind("one knocked", scenes.knocked, frozenset({"knocked"})),
)
GOOD = Kind("good", scenes.good, frozenset())


def trial(job: tuple[str, int]) -> dict[str, Any]:
    """Calibrate one scene and judge the rig."""
    name, seed = job
    kind = next(k for k in (*BAD, GOOD) if k.name == name)
    number = 1 + [k.name for k in (*BAD, GOOD)].index(name)
    scene = kind.make(np.random.default_rng([number, seed]), seed % 2 == 1)
    row = {"kind": name, "seed": seed, "real_like": seed % 2 == 1, "known": scene.known}
    row |= {"what": {k: round(float(v), 2) for k, v in scene.what.items()}}
    start = time.perf_counter()
    known = {
        c.name: Intrinsics(c.width, c.height, c.K, c.dist, "given", 0.0)
        for c in scene.truth.cameras
        if scene.known
    }
    try:
        found = calibrate_views([scene.keypoints], options(), known)
    except CalibrationError as e:
        right = re.search(kind.refusal, f"{e.message} {e.hint}") is not None
        return row | {"level": "refused", "reasons": [e.message], "right": right, "first": right}
    world = world_of_person(found.views, found.xyz, None)
    k = scene.keypoints
    rig = rig_in_world(found.views, world, k.cameras, k.size_px, known)
    calibrated = time.perf_counter()
    verdict = judge([scene.keypoints], rig, found)
    error = compare_rigs(rig, scene.truth)
    graves = [r.kind for r in verdict.reasons if r.level == "poor"]
    return row | {
        "level": verdict.level,
        "reasons": [r.kind + ":" + r.level for r in verdict.reasons],
        "right": bool(kind.right & set(graves)),
        "first": bool(graves) and graves[0] in kind.right,
        "rotation_deg": float(np.median(error.rotation_deg)),
        "focal_percent": float(error.focal_percent.mean()),
        "center_mm": error.center_rms_mm,
        "calibrate_s": calibrated - start,
        "judge_s": time.perf_counter() - calibrated,
        "measures": verdict.measures.as_json(),
    }


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Levels and reasons by kind of scene."""
    lines = [f"{'scene':18s}{'n':>4s} good usable poor refused  right reason  named first"]
    for kind in (*BAD, GOOD):
        own = [r for r in rows if r["kind"] == kind.name]
        counts = [sum(r["level"] == v for r in own) for v in ("good", "usable", "poor", "refused")]
        cells = f"{counts[0]:5d} {counts[1]:6d} {counts[2]:4d} {counts[3]:7d}"
        named = ""
        if kind is not GOOD:
            named = f"{sum(r['right'] for r in own):14d} {sum(r['first'] for r in own):12d}"
        lines.append(f"{kind.name:18s}{len(own):4d}{cells}{named}")
    return lines


def truth_beside(rows: list[dict[str, Any]]) -> list[str]:
    """True errors of the good scenes by level."""
    lines = ["", "good scenes    n  rotation °      focal %         centres mm   (median, worst)"]
    for level in ("good", "usable", "poor"):
        own = [r for r in rows if r["kind"] == "good" and r["level"] == level]
        if own:
            cells = [
                f"{np.median([r[k] for r in own]):8.2f} {max(r[k] for r in own):6.2f}"
                for k in ("rotation_deg", "focal_percent", "center_mm")
            ]
            lines.append(f"{level:12s}{len(own):4d}" + " ".join(cells))
    return lines


def bars(rows: list[dict[str, Any]]) -> list[str]:
    """The two bars."""
    bad = [r["right"] for r in rows if r["kind"] != "good"]
    wrong = [r["level"] in ("poor", "refused") for r in rows if r["kind"] == "good"]
    caught, accused = float(np.mean(bad)), float(np.mean(wrong))
    return [
        f"bad scenes called poor or refused for the right reason: {100 * caught:.0f} % "
        f"(≥ {100 * BAD_BAR:.0f} %) {'PASS' if caught >= BAD_BAR else 'MISS'}",
        f"good scenes called poor or refused: {100 * accused:.0f} % "
        f"(≤ {100 * GOOD_BAR:.0f} %) {'PASS' if accused <= GOOD_BAR else 'MISS'}",
    ]


def main() -> None:
    """All scenes, then the clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the scenes")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    each, most = (4, 20) if arguments.quick else (17, 100)
    jobs = [(kind.name, seed) for seed in range(each) for kind in BAD][:most]
    jobs += [(GOOD.name, seed) for seed in range(most)]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(trial, jobs))
    clip = verdict_clip.canaries(options())
    if arguments.json:
        print(json.dumps({"scenes": rows, "clip": clip}, indent=1))
        return
    seconds = [r["judge_s"] for r in rows if "judge_s" in r]
    print("\n".join([*table(rows), *truth_beside(rows), "", *bars(rows)]))
    print(
        f"the verdict takes {np.median(seconds):.1f} s in the median, {max(seconds):.1f} s at most"
    )
    print("\n".join(["", *verdict_clip.table(clip)]))


if __name__ == "__main__":
    main()
