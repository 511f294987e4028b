"""Cameras from people: gentri beside other methods, and the bars that it has to keep.

    python benchmarks/calibration.py [--quick] [--json] [--jobs N]

First two views with known lenses and 50 frames, every method on the same scenes and seeds; some of
them again on people whom the learned choice was not trained on, as it was on some of the others.
Then what gentri alone can do: four and more views, lenses unknown, lenses bent or off centre,
errors as real detectors make them, several takes of one rig; and what the whole stage costs
(`calibration_cost.py`). Medians (90th percentiles) over the seeds. `calibration_scenes.py` says how
the scenes are made, `baselines.py` holds the other methods.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import calibration_two_views as two_views
import numpy as np
from calibration_cost import cost
from calibration_scenes import Condition, column, failures, percentile, trial
from sessions import print_table, verdict

FOUR = Condition("V = 4, focal unknown")
KNOWN = replace(FOUR, name="V = 4, lenses known", known=True)
BENT = replace(FOUR, name="V = 4, k1 −0.15 to −0.3", k1=(-0.3, -0.15))
BENT_KNOWN = replace(BENT, name="the same, lenses known", known=True)
OFF = replace(FOUR, name="V = 4, 1 % off centre", off_center=0.01)
OFF_POOLED = replace(OFF, name="the same, five takes pooled", takes=5)
REAL = replace(FOUR, name="V = 4, real-like errors, 30 s", seconds=30.0, real_like=True)
POOLED = replace(REAL, name="real-like errors, five takes pooled", takes=5)
MANY = replace(FOUR, name="V = 2 to 8", views=(2, 8))
COST = Condition("10 s at 30 fps", seconds=10.0, fps=30.0)
LONG = replace(COST, name="10 min at 30 fps", seconds=600.0)
# Scenes of each; the two lengths are compared on the same rigs.
COSTS = {COST: 5, LONG: 5} | {
    replace(COST, name=f"V = {views}", views=views): 1 for views in (16, 30)
}


@dataclass(frozen=True)
class Bar:
    """A figure of a condition and the bar that it has to keep."""

    figure: str
    percentile: float
    most: float
    unit: str


BARS: dict[str, tuple[Bar, ...]] = {
    FOUR.name: (
        Bar("rotation_deg", 50, 0.15, "°"),
        Bar("rotation_deg", 90, 0.30, "°"),
        Bar("focal_percent", 50, 1.0, " %"),
        Bar("center_mm", 50, 40.0, " mm"),
    ),
    KNOWN.name: (Bar("rotation_deg", 50, 0.10, "°"), Bar("center_mm", 50, 10.0, " mm")),
    OFF.name: (Bar("rotation_deg", 50, 0.30, "°"),),
    REAL.name: (Bar("rotation_deg", 50, 0.60, "°"),),
    POOLED.name: (Bar("rotation_deg", 50, 0.40, "°"),),
}
# Of the rotation on the same scenes without distortion. That focal lengths are unknown costs as
# much again: straight lenses of unknown focal length have 1.35 times the error of known ones.
BENT_RATIO = 1.3
LOOP_RATIO, TWO_VIEW_BAR = 5.0, 0.40
SECONDS = {COST.name: 5.0, "V = 16": 30.0}
LENGTH_RATIO = 1.25  # time of ten minutes over that of ten seconds; the rest is noise of the clock

WIDTHS = (38, 38, 9, 8)

Line = tuple[str, str, str, str]
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def methods(seeds: int, spread: Map) -> tuple[list[Line], list[dict[str, Any]]]:
    """Every method on the same two-view scenes."""
    rows, median = [], {}
    everyone, unseen = two_views.CONDITIONS
    jobs = [(everyone, *named) for named in two_views.METHODS]
    jobs += [(unseen, t, m) for t, m in two_views.METHODS if m in two_views.ON_UNSEEN]
    for people, title, method in jobs:
        trials = [(people, method, seed) for seed in range(seeds)]
        done = np.array(list(spread(two_views.trial, trials)))
        errors = np.nan_to_num(done[:, 0], nan=np.inf)
        figures = {"median_deg": percentile(errors, 50), "p90_deg": percentile(errors, 90)}
        ms = 1e3 * float(np.median(done[:, 1]))
        row = {"scenes": people, "method": title, **figures, "ms": ms}
        rows.append({**row, "rotation_deg": errors.tolist()})
        median[people, method] = figures["median_deg"]
    loop, whole = (median[everyone, method] for method in ("loop", "gentri"))
    lines = [
        (f"{r['scenes']}: {r['method']}", f"{r['median_deg']:.2f}° ({r['p90_deg']:.2f}°)")
        for r in rows
    ]
    table = [(*line, "", f"{r['ms']:.0f} ms") for line, r in zip(lines, rows, strict=True)]
    kept = verdict(whole, TWO_VIEW_BAR)
    table.append(("two views: gentri, median", f"{whole:.2f}°", f"≤ {TWO_VIEW_BAR:.2f}°", kept))
    times = loop / whole
    kept = verdict(times, LOOP_RATIO, least=True)
    table.append(("two views: better than the 2022 loop", f"{times:.1f} ×", "≥ 5 ×", kept))
    return table, rows


def several_views(
    condition: Condition, seeds: int, spread: Map
) -> tuple[list[Line], list[dict[str, Any]]]:
    """Errors of gentri under one condition."""
    rows = list(spread(trial, [(condition, seed) for seed in range(seeds)]))
    cells = [
        f"{percentile(column(rows, key), 50):.{digits}f} "
        f"({percentile(column(rows, key), 90):.{digits}f}){unit}"
        for key, digits, unit in (
            ("rotation_deg", 3, "°"),
            ("focal_percent", 2, " %"),
            ("center_mm", 0, " mm"),
        )
    ]
    table = [(condition.name, ", ".join(cells), "", f"{failures(rows)} of {seeds} failed")]
    for bar in BARS.get(condition.name, ()):
        value = percentile(column(rows, bar.figure), bar.percentile)
        what = "median" if bar.percentile == 50 else "p90"
        title = f"  {bar.figure.partition('_')[0]}, {what}"
        measured, allowed = f"{value:.3g}{bar.unit}", f"≤ {bar.most:g}{bar.unit}"
        table.append((title, measured, allowed, verdict(value, bar.most)))
    return table, rows


def costs() -> tuple[list[Line], list[dict[str, Any]]]:
    """Seconds of the stage `calibrate`, and whether it leaves the same bytes twice."""
    table, rows = [], []
    found = {condition.name: cost(condition, scenes) for condition, scenes in COSTS.items()}
    found[f"{LONG.name}, a bystander"] = cost(LONG, COSTS[LONG], bystander=True)
    for name, spent in found.items():
        rows.append({"condition": name, "seconds": spent.seconds, "same": spent.same})
        bar = SECONDS.get(name)
        kept, allowed = (verdict(spent.mean, bar), f"≤ {bar:g} s") if bar else ("", "")
        table.append((f"cost: {name}", f"{spent.mean:.1f} s", allowed, kept))
    ratio = found[LONG.name].mean / found[COST.name].mean
    kept = verdict(ratio, LENGTH_RATIO)
    table.append(("cost: 10 min over 10 s", f"{ratio:.2f}", f"≤ {LENGTH_RATIO}", kept))
    different = sum(not spent.same for spent in found.values())
    kept = verdict(different, 0)
    table.append(("the same input twice", f"{different} of {len(rows)} differ", "0", kept))
    return table, rows


def sections(quick: bool, spread: Map) -> Iterable[tuple[str, list[Line], list[dict[str, Any]]]]:
    """Every part of the table as it is measured: its name, lines and figures."""
    few = 6 if quick else 30
    yield "two views", *methods(12 if quick else 100, spread)
    rotation = {}
    for condition in (FOUR, KNOWN, BENT, BENT_KNOWN, OFF, OFF_POOLED, REAL, POOLED):
        table, rows = several_views(condition, few, spread)
        rotation[condition.name] = float(np.median(column(rows, "rotation_deg")))
        if condition is BENT:
            ratio = rotation[BENT.name] / rotation[FOUR.name]
            kept = verdict(ratio, BENT_RATIO)
            title = "  rotation, over the same without k1"
            table.append((title, f"{ratio:.2f}", f"≤ {BENT_RATIO}", kept))
        if condition is BENT_KNOWN:
            ratio = rotation[BENT.name] / rotation[BENT_KNOWN.name]
            table.append(("  rotation, unknown over known", f"{ratio:.2f}", "", ""))
        yield condition.name, table, rows
    table, rows = several_views(MANY, 10 if quick else 100, spread)
    failed = failures(rows)
    table.append(("  failures", str(failed), "0", verdict(failed, 0)))
    yield MANY.name, table, rows
    yield "cost", *costs()


def main() -> None:
    """Measure everything; lines appear as they are known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer seeds")
    parser.add_argument("--json", action="store_true", help="every trial, as JSON")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        spread: Map = partial(pool.map) if arguments.jobs > 1 else map
        found = {}
        for name, table, rows in sections(arguments.quick, spread):
            found[name] = rows
            if not arguments.json:
                print_table([aligned(line) for line in table])
                sys.stdout.flush()
    if arguments.json:
        print(json.dumps(without_nan(found), indent=1))


def aligned(line: Line) -> Line:
    """Cells as wide in every part of the table."""
    a, b, c, d = (cell.ljust(width) for cell, width in zip(line, WIDTHS, strict=True))
    return a, b, c, d


def without_nan(value: Any) -> Any:
    """For JSON, which has no NaN: null."""
    if isinstance(value, dict):
        return {k: without_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


if __name__ == "__main__":
    main()
