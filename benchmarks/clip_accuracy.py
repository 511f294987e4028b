"""How accurate the job is on the demo clip, with nothing given but the videos.

    python benchmarks/clip_accuracy.py [--session DIR]

First table: the cameras against Qualisys' and the skeleton against itself, from gentri's own
detections and from those of another detector (OpenPose) through the same calibration. Second: both
with every way to triangulate; what three views say is held against the fourth.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from balance import VIDEOS, openpose_detections, qualisys_rig
from sessions import print_table, run_gentri, verdict
from triangulation_checks import held_out

from gentri.configs.settings import load_settings
from gentri.data import Poses3D, Rig, Timeline, median_measured
from gentri.geometry.comparison import compare_rigs
from gentri.people.subject import subject_keypoints
from gentri.pipeline.runner import Silent
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Context, Runtime, Stage
from gentri.ransac.quality import limb_length_variation, limb_lengths
from gentri.stages import STAGES, calibrate, triangulate

METHODS = ("dlt", "weighted", "huber", "ransac", "irls", "priors", "learned")


@dataclass(frozen=True)
class Accuracy:
    """One result in numbers.

    Attributes:
        rotation_deg: median over pairs of cameras of the error of their relative rotation.
        focal_percent: mean over cameras; the worst of them is `focal_worst_percent`.
        center_mm: RMS over cameras after a similarity.
        limb_variation_percent: standard deviation over mean of the length of a limb, median over
            the eight limbs; the worst of them is `limb_worst_percent`.
        triangulated_percent: of the body's joints.
        reproj_px: median over joints.
        held_out_px: median distance of a view's detections from what the other views alone say.
    """

    rotation_deg: float
    focal_percent: float
    focal_worst_percent: float
    center_mm: float
    limb_variation_percent: float
    limb_worst_percent: float
    triangulated_percent: float
    reproj_px: float
    held_out_px: float


def accuracy(calibrated: Path, triangulated: Path, held_out_px: float) -> Accuracy:
    """Compare what the two stages wrote."""
    poses = Poses3D.load(triangulated / "poses3d.npz")
    reference = qualisys_rig()
    rig = Rig.load(calibrated / "rig.toml").select(reference.names)
    difference = compare_rigs(rig, reference)
    lengths = limb_lengths(poses.xyz[:, 0], poses.skeleton)
    seen = np.isfinite(poses.xyz[:, :, poses.skeleton.body]).all(axis=-1)
    return Accuracy(
        rotation_deg=float(np.median(difference.rotation_deg)),
        focal_percent=float(difference.focal_percent.mean()),
        focal_worst_percent=float(difference.focal_percent.max()),
        center_mm=difference.center_rms_mm,
        limb_variation_percent=100 * limb_length_variation(poses.xyz, poses.skeleton)[0],
        limb_worst_percent=100 * float((np.nanstd(lengths, 0) / np.nanmean(lengths, 0)).max()),
        triangulated_percent=100 * float(seen.mean()),
        reproj_px=median_measured(poses.reproj_px),
        held_out_px=held_out_px,
    )


@dataclass(frozen=True)
class Bench:
    """Stages of a finished session, run again beside it on other input or settings."""

    session: Session
    params: dict[str, Any]
    scratch: Path

    def run(self, stage: Stage, name: str, params: Any = None, **inputs: Path) -> Path:
        """The folder that the stage wrote; inputs that are not named are the session's own."""
        out = self.scratch / name
        out.mkdir()
        read = {needed: self.session.root / needed for needed in stage.needs} | inputs
        chosen = params or self.params[stage.name]
        stage.run(Context(chosen, out, read, self.session, Runtime(), Silent()))
        return out

    def measured(self, method: str, detect: Path, calibrated: Path, name: str) -> Accuracy:
        """Detections and cameras through one way to triangulate."""
        params = replace(self.params["triangulate"], method=method)
        inputs = {"detect": detect, "calibrate": calibrated}
        poses = self.run(triangulate.STAGE, f"{name}-{method}", params, **inputs)
        keypoints = subject_keypoints(detect, calibrated, params.min_score)
        rig = Rig.load(calibrated / "rig.toml").select(keypoints.cameras)
        away = held_out(
            keypoints,
            rig,
            lambda seen, views: triangulate.triangulate_subject(seen, views, params).xyz[:, 0],
        )
        return accuracy(calibrated, poses, float(np.nanmedian(away)))

    def seen_by_openpose(self) -> tuple[Path, Path]:
        """Other detections, and the cameras that the same calibration makes of them."""
        detect = self.scratch / "openpose"
        detect.mkdir()
        timeline = Timeline.load(self.session.root / "frames" / "timeline.npz")
        for name, seen in openpose_detections(timeline).items():
            seen.save(detect / f"{name}.npz")
        return detect, self.run(calibrate.STAGE, "openpose-calibrate", detect=detect)


def main() -> None:
    """Run or reuse the session, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--session", type=Path, help="reuse a session of the clip, or keep it here")
    with _session_folder(parser.parse_args().session) as root, tempfile.TemporaryDirectory() as tmp:
        run_gentri("run", *VIDEOS, "--session", root, "--until", "triangulate")
        session = Session.open(root)
        bench = Bench(session, load_settings(STAGES, session.settings_file), Path(tmp))
        seen = {
            "movenet": (root / "detect", root / "calibrate"),
            "openpose": bench.seen_by_openpose(),
        }
        found = {
            f"{detector}, {method}": bench.measured(method, *folders, detector)
            for detector, folders in seen.items()
            for method in METHODS
        }
    print_table(_bars({detector: found[f"{detector}, learned"] for detector in seen}))
    print()
    print_table(_comparison(found))


@contextmanager
def _session_folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch) / "session"


# Figure, title, unit, digits, bar; and whether it is the least that is needed.
BARS = (
    ("rotation_deg", "relative rotation, median", "°", 2, 1.5, False),
    ("focal_worst_percent", "focal length, worst camera", " %", 2, 2.5, False),
    ("center_mm", "camera centres, RMS", " mm", 0, 60.0, False),
    ("limb_variation_percent", "limb length variation", " %", 2, 4.0, False),
    ("triangulated_percent", "body joints triangulated", " %", 1, 97.0, True),
)
# Limbs and joints are bars of gentri's own detections: with others, they are those of the detector.
OWN_ALONE = ("limb_variation_percent", "triangulated_percent")


def _bars(results: dict[str, Accuracy]) -> list[tuple[str, ...]]:
    """Every bar for every detector; the first is gentri's own."""
    rows = [("", "", "measured", "bar", "")]
    own = next(iter(results))
    for detector, found in results.items():
        for figure, title, unit, digits, bar, least in BARS:
            if detector != own and figure in OWN_ALONE:
                continue
            value = getattr(found, figure)
            allowed = f"{'≥' if least else '≤'} {bar:g}{unit}"
            kept = verdict(value, bar, least=least)
            rows.append((detector, title, f"{value:.{digits}f}{unit}", allowed, kept))
    return rows


def _comparison(results: dict[str, Accuracy]) -> list[tuple[str, ...]]:
    head = ("", "rotation °", "focal %", "centres mm", "limbs %", "worst %", "joints %")
    return [(*head, "error px", "held out px")] + [
        (
            name,
            f"{a.rotation_deg:.2f}",
            f"{a.focal_percent:.2f}",
            f"{a.center_mm:.0f}",
            f"{a.limb_variation_percent:.2f}",
            f"{a.limb_worst_percent:.1f}",
            f"{a.triangulated_percent:.1f}",
            f"{a.reproj_px:.1f}",
            f"{a.held_out_px:.1f}",
        )
        for name, a in results.items()
    ]


if __name__ == "__main__":
    main()
