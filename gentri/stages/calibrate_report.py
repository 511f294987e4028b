"""What calibrate tells about a rig: figures per camera, the verdict, and what is wrong."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gentri.data import Detections, FloatArray, Keypoints2D, Rig, median_measured

if TYPE_CHECKING:
    from gentri.geometry.person_rig import PersonRig
    from gentri.geometry.scale import ScaleReference
    from gentri.geometry.trust.reasons import Reason
    from gentri.people.subject import Subject

# A rig made elsewhere that misses the person by more is not of these videos: good ones have 3 to 6
# mrad. Somebody far away is small, and all angles are; in errors that detectors make, good ones
# have 1 to 2.
_MOST_MRAD, _MOST_TIMES = 15.0, 8.0
# What it says of the known length may differ by so much, or by three standard deviations: by more,
# its unit is another one.
_LEAST_SCALE_DIFFERENCE = 0.1
# What a given rig can be blamed for; nothing was estimated that a short walk could leave open.
_BLAMED_ON_A_GIVEN_RIG = ("late", "knocked", "disagrees", "lens")


def report_estimated(
    solved: "PersonRig",
    takes: Sequence[Keypoints2D],
    subject: "Subject",
    detections: dict[str, Detections],
) -> dict[str, Any]:
    """Figures of a rig estimated from takes, the first of them this session's.

    Args:
        solved: the rig.
        takes: as given to the calibration.
        subject: of this session.
        detections: per camera.
    """
    from gentri.geometry.verdict import judge

    rig, found = solved.rig, solved.found
    verdict = judge(takes, rig, found)
    told = verdict.as_json()
    place = np.nanmedian(solved.world.apply(found.xyz[found.take == 0]), axis=(0, 1))
    cameras = _cameras(rig, place, subject, detections)
    for c, name in enumerate(rig.names):
        cameras[name] |= {
            "residual_median_px": _rounded(median_measured(found.residual_px[c]), 2),
            "residual_median_mrad": _rounded(1e3 * median_measured(found.residual_rad[c]), 2),
        }
    poor = [*verdict.poor, *solved.misplaced()]
    figures = {
        "residual_median_mrad": _rounded(1e3 * median_measured(found.residual_rad), 2),
        "frames_used": len(found.frames),
    }
    fit = {
        "takes": len(takes),
        "view_frames_dropped": int(found.dropped.sum()),
        "view_frames_swapped": found.swapped,
        "focal_shared": found.lens.shared,
        "radial_terms": found.lens.radial,
    }
    return _assembled(rig, cameras, figures | {"fit": fit}, told, poor, _misses(solved))


def report_given(
    rig: Rig,
    keypoints: Keypoints2D,
    reference: "ScaleReference | None",
    subject: "Subject",
    detections: dict[str, Detections],
) -> dict[str, Any]:
    """Figures of a rig made elsewhere, held against the person.

    Args:
        rig: of the session's cameras.
        keypoints: the subject's.
        reference: a known length to check its unit by.
        subject: of this session.
        detections: per camera.
    """
    from gentri.geometry.verdict import Verdict

    measured = _measured(rig, keypoints)
    if measured is None:
        poor = ["no moment shows the person to two cameras: the rig could not be tested"]
        cameras = _cameras(rig, np.full(3, np.nan), subject, detections)
        return _assembled(rig, cameras, {}, {"level": "poor", "reasons": []}, poor)
    measures, xyz, said = measured
    said = [_of_given(r) for r in said if r.kind in _BLAMED_ON_A_GIVEN_RIG]
    misfit = _misfit(rig, measures.together, measures.relative)
    if misfit:
        said = []  # what else there is follows from it
    poor = any(r.level == "poor" for r in said)
    verdict = Verdict("poor" if poor else "usable" if said else "good", tuple(said), measures)
    cameras = _cameras(rig, np.nanmedian(xyz, axis=(0, 1)), subject, detections)
    figures = {"residual_median_mrad": _rounded(1e3 * median_measured(measures.together), 2)}
    doubts = [*misfit, *verdict.poor, *([] if misfit else _other_unit(rig, xyz, reference))]
    return _assembled(rig, cameras, figures, verdict.as_json(), doubts)


def _of_given(reason: "Reason") -> "Reason":
    """A reason of which the rig may be the cause as well."""
    if reason.kind != "disagrees":
        return reason
    return replace(reason, text=f"{reason.text}, and that the rig is of this recording")


def misses_person(rig: Rig, keypoints: Keypoints2D) -> bool:
    """Whether a rig made elsewhere is not one of these keypoints."""
    measured = _measured(rig, keypoints)
    if measured is None:
        return True
    return bool(_misfit(rig, measured[0].together, measured[0].relative))


def _measured(rig: Rig, keypoints: Keypoints2D) -> "tuple[Any, FloatArray, list[Any]] | None":
    """Measures of a rig that nothing was fitted to, the joints (F, 12, 3), and what they mean."""
    from gentri.geometry.trust.evidence import Tracks, joints
    from gentri.geometry.trust.measures import measure
    from gentri.geometry.trust.reasons import reasons

    columns = keypoints.skeleton.body
    seen = np.isfinite(keypoints.xy_px[:, :, columns, 0]) & (keypoints.score[:, :, columns] > 0)
    if not ((seen.sum(0) >= 2).sum(-1) >= len(columns) // 2).any():
        return None
    unused = [np.zeros(0, dtype=np.int64)]
    held, unknown = np.zeros(len(rig.cameras)), np.full(len(rig.cameras), np.nan)
    measures = measure([keypoints], rig, unused, held, unknown)
    R, t = (np.stack([getattr(c.cam_from_world, part) for c in rig.cameras]) for part in ("R", "t"))
    return measures, joints(Tracks([keypoints], rig).gather(unused), R, t), reasons(measures)


def _misfit(rig: Rig, error: FloatArray, relative: FloatArray) -> list[str]:
    """Whether the cameras on the whole miss the person, (C,) radians and expected errors."""
    mrad, times = 1e3 * median_measured(error), median_measured(relative)
    if mrad <= _MOST_MRAD and times <= _MOST_TIMES:
        return []
    if np.isnan(mrad):
        found = "nothing of the person can be compared"
    elif mrad > _MOST_MRAD:
        found = f"it misses the person by {mrad:.1f} mrad in the median (at most {_MOST_MRAD:g})"
    else:
        found = (
            f"it misses the person by {times:.1f} times what detectors err by in the median (at "
            f"most {_MOST_TIMES:g})"
        )
    return [
        f"this rig does not fit these videos: {found}. Check that it is of this recording, that "
        f"{', '.join(rig.names)} are named in the right order, and that no camera was moved or "
        "zoomed since"
    ]


def _other_unit(rig: Rig, xyz: FloatArray, reference: "ScaleReference | None") -> list[str]:
    """Whether known lengths, or those of people, speak against the unit of a rig."""
    from gentri.errors import CalibrationError
    from gentri.geometry.scale import implied_stature, is_plausible, scale_of

    if reference is None:
        stature_m = implied_stature(xyz)
        if is_plausible(stature_m):
            return []
        return [
            f"by this rig the person is {stature_m:.3g} m tall: check its unit, which has to be "
            "metres"
        ]
    center = np.stack([camera.center for camera in rig.cameras])
    try:
        scale = scale_of(reference, rig.names, center, xyz)
    except CalibrationError:
        return []
    if abs(np.log(scale.metres)) <= max(3 * scale.sigma, _LEAST_SCALE_DIFFERENCE):
        return []
    return [
        f"lengths in this rig are {1 / scale.metres:.3g} times what they should be "
        f"({scale.source}): check its unit, which has to be metres"
    ]


def _cameras(
    rig: Rig, place: FloatArray, subject: "Subject", detections: dict[str, Detections]
) -> dict[str, dict[str, Any]]:
    cameras = {}
    for c, camera in enumerate(rig.cameras):
        present = subject.slot[c] >= 0
        tracks = detections[camera.name].track[np.flatnonzero(present), subject.slot[c][present]]
        ids, counts = np.unique(tracks, return_counts=True)
        cameras[camera.name] = {
            "focal_px": round(float(camera.K[0, 0]), 2),
            "intrinsics_source": camera.intrinsics_source,
            "k1": round(float(camera.dist[0]), 5),
            "center_m": [round(float(x), 4) for x in camera.center],
            "distance_m": _rounded(float(np.linalg.norm(camera.center - place)), 3),
            "roll_deg": round(float(np.degrees(np.arcsin(camera.cam_from_world.R[0, 2]))), 1),
            "subject_tracks": {str(i): int(n) for i, n in zip(ids, counts, strict=True)},
            "subject_seen_percent": round(100 * float(present.mean()), 1),
        }
    return cameras


def _misses(solved: "PersonRig") -> dict[str, Any]:
    """How far known places of the cameras are missed."""
    fit = solved.alignment
    if fit is None:
        return {}
    residual = zip(fit.cameras, fit.residual_m, strict=True)
    return {
        "residual_mm": round(1e3 * fit.rms_m, 1),
        "scale_ratio": round(fit.scale_ratio, 4),
        "tilt_deg": _rounded(fit.tilt_deg, 1),
        "residuals_mm": {name: round(1e3 * float(r), 1) for name, r in residual},
    }


def _assembled(
    rig: Rig,
    cameras: dict[str, dict[str, Any]],
    figures: dict[str, Any],
    told: dict[str, Any],
    poor: list[str],
    misses: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The report; `told` is a verdict as JSON, `misses` what `_misses` found."""
    tests = {k: v for k, v in told.items() if k not in ("level", "reasons", "cameras")}
    by_camera = told.get("cameras", {})
    return {
        "verdict": "poor" if poor else told["level"],
        "cameras": {name: row | by_camera.get(name, {}) for name, row in cameras.items()},
        **figures,
        "scale": {
            "source": rig.scale_source,
            "sigma_percent": _rounded(100 * rig.scale_sigma, 1),
        },
        "world": {"source": rig.world_source, **(misses or {})},
        "poor": poor,
        "reasons": told["reasons"],
        "tests": tests,
    }


def _rounded(value: float, digits: int) -> float | None:
    """For JSON, which has no NaN."""
    return round(float(value), digits) if np.isfinite(value) else None
