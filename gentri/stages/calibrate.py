"""calibrate: cameras, vertical, floor and scale from the subject's motion."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Stage

if TYPE_CHECKING:
    from gentri.data import Detections, Keypoints2D, Rig, Timeline
    from gentri.geometry.calibration import CalibratedViews
    from gentri.geometry.world import World
    from gentri.people.subject import Subject


@dataclass(frozen=True)
class CalibrateParams:
    """Settings of the stage; defaults and reasons stand in default.toml."""

    stature_m: float | Literal["unknown"]
    subject: tuple[str, ...]
    frames: int
    focal_prior: float
    focal_sigma: float
    focal_sharing: Literal["auto", "shared", "camera"]
    distortion_sigma: float
    bone_sigma: float
    seed: int


# A rig whose focal lengths are known to worse than this is not to be trusted (method: degenerate scenes).
_MAX_SIGMA_LOG_FOCAL = 0.03
# Median residual of the worst camera, milliradians.
_MAX_RESIDUAL_MRAD = 15.0


def run(context: Context) -> Metrics:
    """Choose the subject, estimate the rig, and write `rig.toml`, `subject.npz` and `report.json`."""
    import json

    from gentri.data import Detections, Timeline
    from gentri.people.subject import choose_subject

    params: CalibrateParams = context.params
    timeline = Timeline.load(context.inputs["frames"] / "timeline.npz")
    detections = {
        n: Detections.load(context.inputs["detect"] / f"{n}.npz") for n in timeline.cameras
    }
    context.progress.say("choosing the person to follow")
    subject = choose_subject(detections, timeline, named_subject(params.subject))
    subject, rig, found, world = _estimate(context, detections, timeline, subject)
    report = _report(found, world, rig, subject, detections)
    with atomic_write(context.out / "rig.toml") as temporary:
        rig.save(temporary)
    with atomic_write(context.out / "subject.npz") as temporary:
        subject.save(temporary)
    with atomic_write(context.out / "report.json") as temporary:
        temporary.write_text(
            json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return report


def named_subject(entries: tuple[str, ...]) -> dict[str, int]:
    """Track of the subject per camera from entries like "cam01:2".

    Raises:
        UsageError: an entry has another form.
    """
    from gentri.errors import UsageError

    named = {}
    for entry in entries:
        camera, _, track = entry.rpartition(":")
        if not camera or not track.isdigit():
            raise UsageError(
                f"calibrate.subject: {entry!r} is not of the form CAMERA:TRACK",
                'for example ["cam01:2"]; the track numbers stand beside the people in the overlay videos',
            )
        named[camera] = int(track)
    return named


def _estimate(
    context: Context,
    detections: "dict[str, Detections]",
    timeline: "Timeline",
    subject: "Subject",
) -> "tuple[Subject, Rig, CalibratedViews, World]":
    """Rig from the chosen tracks, then once more with the detections that the rig assigns to the subject."""
    import numpy as np

    from gentri.people.follow import follow_subject
    from gentri.people.subject import gather_keypoints

    keypoints = gather_keypoints(detections, subject)
    _refuse_still(keypoints)
    context.progress.say(f"estimating {len(timeline.cameras)} cameras")
    rig, found, world = _rig(keypoints, context.params)
    followed = follow_subject(detections, subject, rig)
    if any(not np.array_equal(a, b) for a, b in zip(subject.slot, followed.slot, strict=True)):
        subject = followed
        rig, found, world = _rig(gather_keypoints(detections, subject), context.params)
    return subject, rig, found, world


def _refuse_still(keypoints: "Keypoints2D") -> None:
    import numpy as np

    from gentri.errors import CalibrationError
    from gentri.people.subject import motion_of

    body = keypoints.xy_px[:, :, keypoints.skeleton.body]
    moved = [
        motion_of(v[np.isfinite(v).all(-1).sum(-1) >= 6]) for v in body if np.isfinite(v).any()
    ]
    if max(moved, default=0.0) < 0.08:
        raise CalibrationError(
            f"the person hardly moves: {100 * max(moved, default=0.0):.0f} % of the own size in the image",
            "film the person walking through the volume and moving arms and legs, for 5 s or more",
        )


def _rig(keypoints: "Keypoints2D", params: CalibrateParams) -> "tuple[Rig, CalibratedViews, World]":
    from gentri.geometry.calibration import CalibrationOptions, calibrate_views
    from gentri.geometry.world import rig_in_world, world_of_person

    options = CalibrationOptions(
        frames=params.frames,
        focal_prior=params.focal_prior,
        focal_sigma=params.focal_sigma,
        focal_sharing=params.focal_sharing,
        distortion_sigma=params.distortion_sigma,
        bone_sigma=params.bone_sigma,
        seed=params.seed,
    )
    found = calibrate_views(keypoints, options)
    stature = None if params.stature_m == "unknown" else float(params.stature_m)
    world = world_of_person(found.views, found.xyz, stature)
    return rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px), found, world


def _report(
    found: "CalibratedViews",
    world: "World",
    rig: "Rig",
    subject: "Subject",
    detections: "dict[str, Detections]",
) -> dict[str, Any]:
    import numpy as np

    cameras = {}
    for c, camera in enumerate(rig.cameras):
        present = subject.slot[c] >= 0
        tracks = detections[camera.name].track[np.flatnonzero(present), subject.slot[c][present]]
        ids, counts = np.unique(tracks, return_counts=True)
        cameras[camera.name] = {
            "focal_px": round(float(camera.K[0, 0]), 2),
            "focal_sigma_percent": round(100 * float(found.sigma_log_focal[c]), 2),
            "k1": round(float(camera.dist[0]), 5),
            "center_m": [round(float(x), 4) for x in camera.center],
            "residual_median_px": round(float(np.nanmedian(found.residual_px[c])), 2),
            "residual_median_mrad": round(1e3 * float(np.nanmedian(found.residual_rad[c])), 2),
            "subject_tracks": {int(i): int(n) for i, n in zip(ids, counts, strict=True)},
            "subject_seen_percent": round(100 * float(present.mean()), 1),
        }
    return {
        "cameras": cameras,
        "residual_median_mrad": round(1e3 * float(np.nanmedian(found.residual_rad)), 2),
        "focal_sigma_percent": round(100 * float(np.max(found.sigma_log_focal)), 2),
        "frames_used": len(found.frames),
        "view_frames_dropped": found.dropped,
        "view_frames_swapped": found.swapped,
        "focal_shared": found.focal_shared,
        "lens_distortion": found.distorted,
        "scale_source": rig.scale_source,
        "scale_sigma_percent": round(100 * rig.scale_sigma, 1),
        "up_source": world.up_source,
        "poor": _doubts(found, rig),
    }


def _doubts(found: "CalibratedViews", rig: "Rig") -> list[str]:
    """Reasons not to trust the rig, each with what to film instead."""
    import numpy as np

    doubts = []
    worst = int(np.nanargmax(found.sigma_log_focal))
    if found.sigma_log_focal[worst] > _MAX_SIGMA_LOG_FOCAL:
        doubts.append(
            f"the focal length of {rig.names[worst]} is uncertain by {100 * found.sigma_log_focal[worst]:.0f} %: "
            "film the person walking through the whole volume, towards and away from the cameras"
        )
    residual = 1e3 * np.nanmedian(found.residual_rad, axis=(1, 2))
    worst = int(np.nanargmax(residual))
    if residual[worst] > _MAX_RESIDUAL_MRAD:
        doubts.append(
            f"{rig.names[worst]} disagrees with the other cameras by {residual[worst]:.0f} mrad: check that it ran "
            "in sync, did not move during the take, and sees the same person"
        )
    return doubts


STAGE = Stage(
    name="calibrate",
    version=1,
    needs=("frames", "detect"),
    params=CalibrateParams,
    run=run,
)
