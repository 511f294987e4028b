"""calibrate: cameras, vertical, floor and scale from the subject's motion."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gentri.data import Detections, Keypoints2D, Rig, Timeline
from gentri.errors import CalibrationError
from gentri.geometry.options import CalibrationOptions
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Stage, require

if TYPE_CHECKING:
    from gentri.geometry.calibration import CalibratedViews
    from gentri.people.subject import Subject


@dataclass(frozen=True)
class CalibrateParams(CalibrationOptions):
    """Settings of the stage; defaults and reasons stand in default.toml."""

    stature_m: float | Literal["unknown"]
    subject: tuple[str, ...]
    min_score: float

    def __post_init__(self) -> None:
        if self.stature_m != "unknown":
            given = self.stature_m
            meant = f"; did you mean {given / 100:g}?" if 50 <= given <= 250 else ""
            require(self, "stature_m", 0.5 <= given <= 2.5, f"0.5 to 2.5 metres{meant}")
        named = [entry.rpartition(":") for entry in self.subject]
        needed = 'CAMERA:TRACK, such as "cam01:2", with the track numbers of the overlay videos'
        require(self, "subject", all(n and track.isdecimal() for n, _, track in named), needed)
        require(self, "min_score", 0 <= self.min_score <= 1, "0 to 1")
        require(self, "frames", self.frames >= 10, "at least 10")
        require(self, "focal_prior", self.focal_prior > 0, "above 0")
        require(self, "focal_sigma", self.focal_sigma > 0, "above 0")
        require(self, "distortion_sigma", self.distortion_sigma >= 0, "at least 0")
        require(self, "center_sigma", self.center_sigma >= 0, "at least 0")
        require(self, "bone_sigma", self.bone_sigma >= 0, "at least 0")
        require(self, "seed", self.seed >= 0, "at least 0")


# A person who moves less than this share of the own size, in every image, tells nothing.
_LEAST_MOTION = 0.08


def run(context: Context) -> Metrics:
    """Choose the subject, estimate the rig, and write `rig.toml`, `subject.npz` and `report.json`.

    Raises:
        CalibrationError: the person or the cameras cannot be made out.
        InputError: a camera sees nobody, or the recordings do not overlap.
        UsageError: the settings name a camera or track that does not exist.
    """
    from gentri.people.subject_choice import choose_subject

    params: CalibrateParams = context.params
    timeline = Timeline.load(context.inputs["frames"] / "timeline.npz")
    detections = {
        n: Detections.load(context.inputs["detect"] / f"{n}.npz") for n in timeline.cameras
    }
    context.progress.say("choosing the person to follow")
    subject = choose_subject(detections, timeline, named_subject(params.subject), params.min_score)
    subject, rig, found = _estimate(context, detections, subject)
    report = _report(found, rig, subject, detections)
    with atomic_write(context.out / "rig.toml") as temporary:
        rig.save(temporary)
    with atomic_write(context.out / "subject.npz") as temporary:
        subject.save(temporary)
    with atomic_write(context.out / "report.json") as temporary:
        text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return report


def named_subject(entries: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Tracks of the subject per camera from entries like "cam01:2"."""
    named: dict[str, tuple[int, ...]] = {}
    for entry in entries:
        camera, _, track = entry.rpartition(":")
        named[camera] = (*named.get(camera, ()), int(track))
    return named


def _estimate(
    context: Context, detections: dict[str, Detections], subject: "Subject"
) -> "tuple[Subject, Rig, CalibratedViews]":
    """Rig from the chosen tracks, then from all detections that this rig gives to the subject."""
    from gentri.people.subject import gather_keypoints

    params: CalibrateParams = context.params
    keypoints = gather_keypoints(detections, subject, params.min_score)
    _refuse_still(keypoints)
    context.progress.say(f"estimating {len(subject.cameras)} cameras")
    rig, found = _rig(keypoints, params)
    whole = _completed(detections, subject, rig, params.min_score)
    if any(not np.array_equal(a, b) for a, b in zip(subject.slot, whole.slot, strict=True)):
        rig, found = _rig(gather_keypoints(detections, whole, params.min_score), params)
        whole = _completed(detections, whole, rig, params.min_score)
    return whole, rig, found


def _completed(
    detections: dict[str, Detections], subject: "Subject", rig: Rig, min_score: float
) -> "Subject":
    from gentri.people.follow import follow_subject
    from gentri.people.joining import join_tracks

    joined = join_tracks(detections, subject, rig, min_score)
    return follow_subject(detections, joined, rig, min_score)


def _refuse_still(keypoints: Keypoints2D) -> None:
    from gentri.people.subject_choice import motion_of

    moved = max(motion_of(view) for view in keypoints.xy_px[:, :, keypoints.skeleton.body])
    if moved < _LEAST_MOTION:
        raise CalibrationError(
            f"the person hardly moves: {100 * moved:.0f} % of the own size in the image",
            "film the person walking through the volume and moving arms and legs, for 5 s or more",
        )


def _rig(keypoints: Keypoints2D, params: CalibrateParams) -> "tuple[Rig, CalibratedViews]":
    from gentri.geometry.calibration import calibrate_views
    from gentri.geometry.world import rig_in_world, world_of_person

    found = calibrate_views([keypoints], params)
    stature = None if params.stature_m == "unknown" else float(params.stature_m)
    world = world_of_person(found.views, found.xyz, stature)
    return rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px), found


def _report(
    found: "CalibratedViews",
    rig: Rig,
    subject: "Subject",
    detections: dict[str, Detections],
) -> dict[str, Any]:
    from gentri.geometry.verdict import doubts, median_measured

    cameras = {}
    for c, camera in enumerate(rig.cameras):
        present = subject.slot[c] >= 0
        tracks = detections[camera.name].track[np.flatnonzero(present), subject.slot[c][present]]
        ids, counts = np.unique(tracks, return_counts=True)
        cameras[camera.name] = {
            "focal_px": round(float(camera.K[0, 0]), 2),
            "focal_sigma_percent": _rounded(100 * found.sigma_log_focal[c], 2),
            "k1": round(float(camera.dist[0]), 5),
            "center_m": [round(float(x), 4) for x in camera.center],
            "roll_deg": round(float(np.degrees(np.arcsin(camera.cam_from_world.R[0, 2]))), 1),
            "residual_median_px": _rounded(median_measured(found.residual_px[c]), 2),
            "residual_median_mrad": _rounded(1e3 * median_measured(found.residual_rad[c]), 2),
            "subject_tracks": {int(i): int(n) for i, n in zip(ids, counts, strict=True)},
            "subject_seen_percent": round(100 * float(present.mean()), 1),
        }
    return {
        "cameras": cameras,
        "frames_used": len(found.frames),
        "view_frames_dropped": int(found.dropped.sum()),
        "view_frames_swapped": found.swapped,
        "residual_median_mrad": _rounded(1e3 * median_measured(found.residual_rad), 2),
        "focal_sigma_percent": _rounded(100 * float(np.max(found.sigma_log_focal)), 2),
        "focal_shared": found.lens.shared,
        "radial_terms": found.lens.radial,
        "scale_source": rig.scale_source,
        "scale_sigma_percent": round(100 * rig.scale_sigma, 1),
        "poor": doubts(found, rig.names),
    }


def _rounded(value: float, digits: int) -> float | None:
    """For JSON, which has no NaN."""
    return round(float(value), digits) if np.isfinite(value) else None


STAGE = Stage(
    name="calibrate",
    version=1,
    needs=("frames", "detect"),
    params=CalibrateParams,
    run=run,
)
