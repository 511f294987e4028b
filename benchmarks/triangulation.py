"""Ways to triangulate beside each other, and the bars that the learned one has to keep.

    python benchmarks/triangulation.py [--quick] [--json] [--scorer FILE] [--whole-pose FILE]

People of the CMU motion-capture database that no scorer was trained on, before random rigs; errors
of detectors sketched and real-like (`gentri.evaluation.synthetic`). Mean absolute errors in mm with
95 % intervals over takes, then tests of shifts, rigs that gentri calibrated itself, errors
foreseen, and speed. "irls" is the best without learning that looks at one moment: MSAC, then ray
least squares with Cauchy weights. "priors" is what the learned method starts from: bones and
neighbours in time.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from calibration import without_nan
from sessions import ROOT, print_table, verdict
from triangulation_checks import (
    detections_match,
    foreseen,
    on_own_rigs,
    speeds,
    where_two_views_are_good,
)

from gentri.evaluation import Errors, Method, difference_mm, evaluate, summarise
from gentri.evaluation.methods import method
from gentri.evaluation.synthetic import SUITES, chosen_clips, suite, synthetic_sets
from gentri.synthetic import read_clips

CLIPS = ROOT / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
VIEWS = (2, 3, 4, 6, 8)
CLASSICAL = ("dlt", "weighted", "huber", "ransac", "irls", "priors")
SKETCH_MM = {3: 28.0, 4: 19.0, 6: 13.5, 8: 12.0}
# Of the best without learning, at four views.
SKETCH_SHARE, REAL_SHARE, REAL_P99_SHARE, TWO_GOOD_SHARE = 0.75, 0.90, 0.70, 0.75
PLAIN_SHARE = 0.85  # of plain triangulation, at two views
WORSE_ON_OWN_RIG_MM = 1.0
RANK, CUT = (
    0.6,
    0.4,
)  # rank correlation; by how much the 99th percentile falls without the worst 10 %
FRAMES_PER_SECOND = {4: 800.0, 8: 400.0}
TIMES_2022 = 50.0
SHIFT_VIEWS = (4, 5, 7)  # five and seven: numbers of views that are rare or absent in training

WIDTHS = (34, 46, 12, 8)
Line = tuple[str, str, str, str]
Section = tuple[str, list[Line], Any]


def compared(name: str, views: int, methods: dict[str, Method], frames: int) -> dict[str, Errors]:
    """Errors of methods on the same takes."""
    clips, _ = chosen_clips(read_clips(CLIPS))
    sets = list(synthetic_sets(suite(name), views, clips, frames))
    return {title: evaluate(one, sets) for title, one in methods.items()}


def lines_of(title: str, found: dict[str, Errors]) -> tuple[list[Line], dict[str, Any]]:
    """A line per method."""
    lines, figures = [], {}
    for name, errors in found.items():
        s = summarise(errors)
        absolute = s.absolute_mm
        text = f"{absolute.mean:.1f} [{absolute.low:.1f}, {absolute.high:.1f}], p99 {s.p99_mm:.0f}"
        lines.append((f"{title}: {name}", f"{text}, relative {s.relative_mm.mean:.1f}", "", ""))
        figures[name] = {
            "absolute_mm": [absolute.mean, absolute.low, absolute.high],
            "relative_mm": s.relative_mm.mean,
            "p99_mm": s.p99_mm,
        }
    return lines, figures


def bar(title: str, value: float, most: float, unit: str, *, least: bool = False) -> Line:
    """A figure and whether it keeps its bar."""
    sign = "≥" if least else "≤"
    return (
        f"  {title}", f"{value:.3g}{unit}", f"{sign} {most:g}{unit}",
        verdict(value, most, least=least),
    )  # fmt: skip


def accuracy(methods: dict[str, Method], frames: int) -> Iterator[Section]:
    """Sketched and real-like errors, every number of views."""
    for name in ("sketch", "real-like"):
        for views in VIEWS:
            found = compared(name, views, methods, frames)
            lines, figures = lines_of(f"{name}, V = {views}", found)
            lines += _accuracy_bars(name, views, figures)
            yield f"{name}, {views} views", lines, figures


def _accuracy_bars(name: str, views: int, figures: dict[str, Any]) -> list[Line]:
    learned, irls = figures["learned"], figures["irls"]
    mean, best = learned["absolute_mm"][0], irls["absolute_mm"][0]
    lines = []
    if name == "sketch" and views in SKETCH_MM:
        lines.append(bar("mean", mean, SKETCH_MM[views], " mm"))
    if views == 4:
        share = SKETCH_SHARE if name == "sketch" else REAL_SHARE
        lines.append(bar("over the best by rule", mean / best, share, ""))
        if name == "real-like":
            lines.append(
                bar("the same, p99", learned["p99_mm"] / irls["p99_mm"], REAL_P99_SHARE, "")
            )
    if views == 2:
        plain = figures["dlt"]["absolute_mm"][0]
        lines.append(bar("over plain triangulation", mean / plain, PLAIN_SHARE, ""))
    return lines


def shifts(methods: dict[str, Method], frames: int) -> Iterator[Section]:
    """Never worse than the best by rule."""
    two = {name: methods[name] for name in ("irls", "learned")}
    for name in SUITES:
        for views in SHIFT_VIEWS if name in ("sketch", "real-like") else (4,):
            if name in ("sketch", "real-like") and views == 4:
                continue
            found = compared(name, views, two, frames)
            lines, figures = lines_of(f"{name}, V = {views}", found)
            worse = difference_mm(found["learned"], found["irls"])
            title = f"learned less irls [{worse.low:+.1f}, {worse.high:+.1f}]"
            yield (
                f"shift {name}, {views} views",
                [*lines, bar(title, worse.mean, 0, " mm")],
                figures,
            )


def checks(scorer: str | Path, quick: bool) -> Iterator[Section]:
    """The rest of the bars."""
    clips, _ = chosen_clips(read_clips(CLIPS))
    table = detections_match(clips)
    yield "errors of detections", [(*row, "", "") for row in table], table
    share, figures = where_two_views_are_good(scorer, clips, quick)
    yield "two good views", [bar("two good views, over irls", share, TWO_GOOD_SHARE, "")], figures
    worse, figures = on_own_rigs(scorer, clips, 3 if quick else 12)
    title = "own rig less true cameras"
    yield "own rigs", [bar(title, worse, WORSE_ON_OWN_RIG_MM, " mm")], figures
    noises = ("noise-0.3", "noise-0.5", "sketch", "noise-2")
    for title, names, views in (
        ("sketch × 0.3 to 2, V = 2 to 8", noises, (2, 4, 8)),
        ("sketch, V = 4", ("sketch",), (4,)),
        ("real-like, V = 4", ("real-like",), (4,)),
    ):
        rank, cut, figures = foreseen(scorer, names, views, clips, 200 if quick else 1000)
        lines = [
            bar(f"foreseen, {title}: rank", rank, RANK, "", least=True),
            bar("p99 falls without the worst by", cut, CUT, "", least=True),
        ]
        most = f"{figures['rank_of_chance']:.2f}, {figures['cut_of_chance']:.2f}"
        lines.append(("the two, were every error foreseen of the right size", most, "", ""))
        yield f"errors foreseen, {title}", lines, figures
    rates, times = speeds(scorer, clips)
    lines = [
        bar(f"frames per second, V = {views}", rate, FRAMES_PER_SECOND[views], "", least=True)
        for views, rate in rates.items()
    ]
    lines.append(bar("times as fast as that of 2022", times, TIMES_2022, "", least=True))
    yield "speed", lines, {"frames_per_second": rates, "times": times}


def main() -> None:
    """Measure everything; lines appear as they are known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    parser.add_argument("--json", action="store_true", help="all figures, as JSON")
    parser.add_argument("--scorer", default="learned", help="weights in place of gentri's own")
    parser.add_argument("--whole-pose", type=Path, help="weights of the scorer of 2022")
    parser.add_argument("--only", choices=("accuracy", "shifts", "checks"), help="a part")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    frames = 400 if arguments.quick else 2000
    methods = {name: method(name) for name in CLASSICAL}
    if arguments.whole_pose:
        methods["2022 scorer"] = method(arguments.whole_pose)
    methods["learned"] = method(arguments.scorer)
    parts: dict[str, Callable[[], Iterator[Section]]] = {
        "accuracy": lambda: accuracy(methods, frames),
        "shifts": lambda: shifts(methods, frames),
        "checks": lambda: checks(arguments.scorer, arguments.quick),
    }
    found = {}
    for part in [arguments.only] if arguments.only else parts:
        for name, lines, figures in parts[part]():
            found[name] = figures
            if not arguments.json:
                print_table([aligned(line) for line in lines])
                sys.stdout.flush()
    if arguments.json:
        print(json.dumps(without_nan(found), indent=1, default=float))


def aligned(line: Line) -> Line:
    """Cells as wide in every part of the table."""
    a, b, c, d = (cell.ljust(width) for cell, width in zip(line, WIDTHS, strict=True))
    return a, b, c, d


if __name__ == "__main__":
    main()
