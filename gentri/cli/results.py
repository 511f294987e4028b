"""What was done and where it is, on stdout: tables for people, JSON for machines."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gentri.cli.camera_table import camera_rows, verdict_lines
from gentri.cli.failures import printable

if TYPE_CHECKING:
    from gentri.pipeline.plan import Plan
    from gentri.pipeline.runner import Outcome
    from gentri.pipeline.session import Session

# What the names of metrics end in, and how it is written.
_UNITS = {u: u for u in ("px", "mm", "m", "s", "mrad")} | {"deg": "°", "hz": "Hz", "percent": "%"}


def print_results(session: "Session", outcomes: Sequence["Outcome"], as_json: bool) -> None:
    """The stages with their key figures, then the files; reasons for doubt on stderr."""
    poor = poor_reasons(outcomes)
    if as_json:
        stages = [
            {
                "stage": o.stage,
                "action": o.action,
                "seconds": round(o.seconds, 3),
                "folder": str((session.root / o.stage).resolve()),
                "metrics": o.metrics,
            }
            for o in outcomes
        ]
        print_json({"session": str(session.root.resolve()), "stages": stages, "poor": poor})
    else:
        print_table([(o.stage, _effort(o), key_figures(o.metrics)) for o in outcomes])
        for metrics in (o.metrics for o in outcomes if o.stage == "calibrate"):
            _print_cameras(metrics)
        _print_files(session, outcomes)
    for stage, reasons in poor.items():
        for reason in reasons:
            print(printable(f"poor {stage}: {reason}"), file=sys.stderr)


def poor_reasons(outcomes: Iterable["Outcome"]) -> dict[str, list[str]]:
    """Stage → why its result is not to be trusted; only stages with a reason."""
    return {o.stage: o.metrics["poor"] for o in outcomes if o.metrics.get("poor")}


def print_plans(session: Path, plans: Iterable["Plan"], as_json: bool) -> None:
    """The state of every stage and the reasons for it."""
    rows = [(p.stage.name, str(p.state), [*["forced"] * p.forced, *p.reasons]) for p in plans]
    if as_json:
        stages = [{"stage": n, "state": s, "reasons": r} for n, s, r in rows]
        print_json({"session": str(session.resolve()), "stages": stages})
    else:
        print_table([(name, state, "; ".join(reasons)) for name, state, reasons in rows])


def key_figures(metrics: dict[str, Any]) -> str:
    """The single numbers and words among the metrics, with their units."""
    said = []
    for name, value in metrics.items():
        if not isinstance(value, (int, float, str)):
            continue
        label, _, unit = name.rpartition("_")
        if unit not in _UNITS:
            label, unit = name, ""
        words = (label.replace("_", " "), _figure(value), _UNITS.get(unit, ""))
        said.append(" ".join(filter(None, words)))
    return ", ".join(said)


def _figure(value: int | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(printable("  ".join(cells).rstrip()))


def print_json(document: dict[str, Any]) -> None:
    """One document on stdout."""
    print(json.dumps(document, indent=1, allow_nan=False))


def _effort(outcome: "Outcome") -> str:
    spent = "" if outcome.action == "kept" else f" in {outcome.seconds:.1f} s"
    return outcome.action + spent


def _print_cameras(metrics: dict[str, Any]) -> None:
    if "verdict" in metrics:  # results of earlier versions have none
        print()
        print_table(camera_rows(metrics["cameras"]))
        for line in verdict_lines(metrics):
            print(printable(line))


def _print_files(session: "Session", outcomes: Sequence["Outcome"]) -> None:
    """Where the results of the last stage are, and the files that it names."""
    last = outcomes[-1]
    print(printable(f"\nResults in {_shown(session.root / last.stage)}"))
    print_table([(f"  {name}", text) for name, text in last.metrics.get("files", {}).items()])


def _shown(path: Path) -> str:
    """Relative to the current folder when inside it, else absolute."""
    relative = os.path.relpath(path)
    return os.path.abspath(path) if relative.startswith("..") else relative
