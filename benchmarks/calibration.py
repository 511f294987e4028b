"""Cameras from people: gentri beside other methods, and the bars that it has to keep.

    python benchmarks/calibration.py [--quick] [--json] [--jobs N]

First two views with known lenses and 50 frames, every method on the same scenes and seeds. Then
what gentri alone can do: four and more views, lenses unknown, lenses bent or off centre, errors as
real detectors make them, several takes of one rig; and what it costs. Medians (90th percentiles)
over the seeds. `calibration_scenes.py` says how the scenes are made, `baselines.py` holds the other
methods.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import calibration_two_views as two_views
import numpy as np
from calibration_scenes import Condition, column, estimate, failures, make, trial
from sessions import print_table, verdict

from gentri.data import Rig

FOUR = Condition("V = 4, focal unknown")
KNOWN = replace(FOUR, name="V = 4, lenses known", known=True)
BENT = replace(FOUR, name="V = 4, k1 −0.15 to −0.3", k1=(-0.3, -0.15))
OFF = replace(FOUR, name="V = 4, 1 % off centre", off_center=0.01)
REAL = replace(FOUR, name="V = 4, real-like errors, 30 s", seconds=30.0, real_like=True)
POOLED = replace(REAL, name="the same, five takes pooled", takes=5)
MANY = replace(FOUR, name="V = 2 to 8", views=(2, 8))
COST = Condition("10 s at 30 fps", seconds=10.0, fps=30.0)
COSTS = (
    COST,
    replace(COST, name="10 min at 30 fps", seconds=600.0),
    replace(COST, name="V = 16", views=16),
    replace(COST, name="V = 30", views=30),
)


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
BENT_RATIO = 1.3  # of the rotation with straight lenses, same scenes
LOOP_RATIO, TWO_VIEW_BAR = 5.0, 0.40
SECONDS = {COST.name: 5.0, "V = 16": 30.0}
LENGTH_RATIO = 1.25  # time of ten minutes over that of ten seconds; the rest is noise of the clock

WIDTHS = (38, 38, 9, 8)

Line = tuple[str, str, str, str]
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def methods(seeds: int, spread: Map) -> tuple[list[Line], list[dict[str, Any]]]:
    """Every method on the same two-view scenes."""
    rows, errors = [], {}
    for title, method in two_views.METHODS:
        done = np.array(list(spread(two_views.trial, [(method, s) for s in range(seeds)])))
        errors[method] = np.nan_to_num(done[:, 0], nan=np.inf)
        middle, p90 = np.percentile(errors[method], [50, 90])
        ms = 1e3 * float(np.median(done[:, 1]))
        rows.append({"method": title, "rotation_deg": [middle, p90], "ms": ms})
    loop, whole = (float(np.median(errors[m])) for m in ("loop", "gentri"))
    lines = [
        (f"two views: {r['method']}", f"{r['rotation_deg'][0]:.2f}° ({r['rotation_deg'][1]:.2f}°)")
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
        f"{np.percentile(column(rows, key), 50):.{digits}f} "
        f"({np.percentile(column(rows, key), 90):.{digits}f}){unit}"
        for key, digits, unit in (
            ("rotation_deg", 3, "°"),
            ("focal_percent", 2, " %"),
            ("center_mm", 0, " mm"),
        )
    ]
    table = [(condition.name, ", ".join(cells), "", f"{failures(rows)} of {seeds} failed")]
    for bar in BARS.get(condition.name, ()):
        value = float(np.percentile(column(rows, bar.figure), bar.percentile))
        what = "median" if bar.percentile == 50 else "p90"
        title = f"  {bar.figure.partition('_')[0]}, {what}"
        measured, allowed = f"{value:.3g}{bar.unit}", f"≤ {bar.most:g}{bar.unit}"
        table.append((title, measured, allowed, verdict(value, bar.most)))
    return table, rows


def costs() -> tuple[list[Line], list[dict[str, Any]]]:
    """Seconds of a calibration, and whether it gives the same bytes twice.

    The better of two runs counts: the first one loads libraries, and other work may interfere.
    """
    table, rows, seconds = [], [], {}
    for condition in COSTS:
        rigs, taken = [], []
        for _ in range(2):
            scene = make(condition, 0)
            start = time.perf_counter()
            rigs.append(_bytes(estimate(scene)))
            taken.append(time.perf_counter() - start)
        seconds[condition.name] = min(taken)
        rows.append({"condition": condition.name, "seconds": taken, "same": rigs[0] == rigs[1]})
        bar = SECONDS.get(condition.name)
        kept, allowed = (verdict(min(taken), bar), f"≤ {bar:g} s") if bar else ("", "")
        table.append((f"cost: {condition.name}", f"{min(taken):.1f} s", allowed, kept))
    ratio = seconds["10 min at 30 fps"] / seconds[COST.name]
    kept = verdict(ratio, LENGTH_RATIO)
    table.append(("cost: 10 min over 10 s", f"{ratio:.2f}", f"≤ {LENGTH_RATIO}", kept))
    different = sum(not row["same"] for row in rows)
    kept = verdict(different, 0)
    table.append(("the same input twice", f"{different} of {len(rows)} differ", "0", kept))
    return table, rows


def _bytes(rig: Rig) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        rig.save(Path(folder) / "rig.toml")
        return (Path(folder) / "rig.toml").read_bytes()


def sections(quick: bool, spread: Map) -> Iterable[tuple[str, list[Line], list[dict[str, Any]]]]:
    """Every part of the table as it is measured: its name, lines and figures."""
    few = 6 if quick else 30
    yield "two views", *methods(12 if quick else 100, spread)
    rotation = {}
    for condition in (FOUR, KNOWN, BENT, OFF, REAL, POOLED):
        table, rows = several_views(condition, few, spread)
        rotation[condition.name] = float(np.median(column(rows, "rotation_deg")))
        if condition is BENT:
            ratio = rotation[BENT.name] / rotation[FOUR.name]
            kept = verdict(ratio, BENT_RATIO)
            table.append(("  over straight lenses", f"{ratio:.2f}", f"≤ {BENT_RATIO}", kept))
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
