"""What calibrate found, for people: a line per camera, the scale, the verdict."""

from collections.abc import Mapping
from typing import Any

_VERDICTS = {
    "good": "nothing speaks against these cameras",
    "usable": "expect less accuracy than usual",
    "poor": "do not trust these cameras",
}


def camera_rows(cameras: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A table from `cameras` of the metrics of calibrate.

    Args:
        cameras: name → figures; those that are None, or not there, were not measured.
    """
    rows = [("camera", "focal length", "lens", "from the person", "misses the joints by")]
    for name, figures in cameras.items():
        focal = f"{figures['focal_px']:.0f} px"
        if (sigma := figures.get("focal_sigma_percent")) is not None:
            focal += f" ± {sigma:.1f} %"
        distance = figures.get("distance_m")
        mrad, px = figures.get("held_out_mrad"), figures.get("held_out_px")
        missed = "?" if mrad is None or px is None else f"{mrad:.1f} mrad, {px:.1f} px"
        away = "?" if distance is None else f"{distance:.2f} m"
        rows.append((name, focal, str(figures["intrinsics_source"]), away, missed))
    return rows


def verdict_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The scale, the verdict and what makes it less than good; what makes it poor is said apart."""
    scale, world = metrics["scale"], metrics["world"]
    sigma = scale["sigma_percent"]
    spread = f", ± {sigma:g} %" if sigma else ""  # files often call a scale exact, or nothing
    assumed = scale["source"] == "population prior"
    remedy = "; --height METRES of the person gives the true one" if assumed else ""
    lines = [f"scale: {scale['source']}{spread}{remedy}"]
    if "residual_mm" in world:
        lines.append(f"known camera positions met to {world['residual_mm']:g} mm")
    lines.append(f"verdict: {metrics['verdict']}, {_VERDICTS[metrics['verdict']]}")
    usable = [r["text"] for r in metrics["reasons"] if r["level"] == "usable"]
    return lines + [f"  - {text}" for text in usable]
