"""triangulate: from the subject's detections and the rig to 3D skeletons."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from gentri.data import Keypoints2D, Poses3D, Rig, median_measured
from gentri.detectors.device import require_device
from gentri.errors import CalibrationError, InputError
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Runtime, Stage, require

if TYPE_CHECKING:
    from gentri.pipeline.session import Session

# A result is called poor beyond these. Good recordings stay far from them: 97 % of the body, 4 %
# limb variation; 15 mrad is what a calibration from people has to reach in every camera.
LEAST_TRIANGULATED_PERCENT = 50.0
LEAST_AGREEMENT = 0.5
MOST_LIMB_VARIATION_PERCENT = 15.0
MOST_REPROJECTION_MRAD = 15.0


@dataclass(frozen=True)
class TriangulateParams:
    """How joints are triangulated."""

    method: Literal["dlt", "weighted", "huber", "ransac", "irls", "priors", "learned"]
    inlier_box_share: float
    min_angle_deg: float
    min_score: float

    def __post_init__(self) -> None:
        require(self, "inlier_box_share", 0 < self.inlier_box_share <= 1, "above 0, at most 1")
        require(self, "min_angle_deg", 0 <= self.min_angle_deg < 90, "at least 0, below 90")
        require(self, "min_score", 0 <= self.min_score <= 1, "0 to 1")


def run(context: Context) -> Metrics:
    """Write `poses3d.npz`.

    Raises:
        InputError: no two cameras see the subject at the same time.
        CalibrationError: they do, but agree nowhere.
    """
    from gentri.people.subject import subject_keypoints

    inputs, min_score = context.inputs, context.params.min_score
    keypoints = subject_keypoints(inputs["detect"], inputs["calibrate"], min_score)
    rig = Rig.load(context.inputs["calibrate"] / "rig.toml").select(keypoints.cameras)
    seen = np.isfinite(keypoints.xy_px).all(axis=-1) & (np.nan_to_num(keypoints.score) > 0)
    _require_shared_ticks(keypoints, seen)
    poses = triangulate_subject(
        keypoints,
        rig,
        context.params,
        context.runtime.device,
        lambda done, total: context.progress.advance(done, total, "frames"),
        context.session.given.scorer,
    )
    if not poses.used.any():
        raise CalibrationError(
            "not one joint could be triangulated: the cameras' views agree nowhere, with "
            f"triangulate.inlier_box_share = {context.params.inlier_box_share}",
            "check that the videos are synchronised and show the same person, then calibrate anew",
        )
    with atomic_write(context.out / "poses3d.npz") as path:
        poses.save(path)
    return _metrics(poses, rig, seen)


def _require_shared_ticks(keypoints: Keypoints2D, seen: NDArray[np.bool_]) -> None:
    """Refuse when no two cameras see something of the subject in the same tick."""
    present = seen.any(axis=2)
    if (present.sum(axis=0) < 2).all():
        counts = zip(keypoints.cameras, present.sum(axis=1), strict=True)
        raise InputError(
            f"no two cameras see the subject at the same time (of {len(keypoints.time_s)} frames: "
            + ", ".join(f"{name} {count}" for name, count in counts)
            + ")",
            "film so that the views overlap, or lower triangulate.min_score",
        )


def triangulate_subject(
    keypoints: Keypoints2D,
    rig: Rig,
    params: TriangulateParams,
    device: str = "auto",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    scorer: Path | None = None,
) -> Poses3D:
    """One person in 3D.

    Args:
        keypoints: of the person; scores below `params.min_score` have been taken out.
        rig: its cameras, in the order of the keypoints'.
        params: settings of the stage.
        device: where to compute.
        progress: called with ticks done and ticks in all.
        scorer: weights of the learned method, None for those that come with gentri.
    """
    from gentri.ransac.estimators import estimator
    from gentri.ransac.recording import Recording
    from gentri.ransac.triangulate import triangulate

    share, min_angle = params.inlier_box_share, params.min_angle_deg
    points = triangulate(
        Recording(
            rig,
            keypoints.xy_px[:, :, None],
            np.nan_to_num(keypoints.score)[:, :, None],
            keypoints.time_s,
            keypoints.skeleton,
            # One processor core does hundreds of frames per second: no GPU unless asked for.
            device="cpu" if device == "auto" else device,
        ),
        estimator(params.method, len(rig.cameras), share, min_angle, scorer),
        inlier_box_share=share,
        min_angle_deg=min_angle,
        progress=progress,
    )
    return Poses3D(
        xyz=points.xyz,
        score=points.score,
        reproj_px=points.reproj_px,
        used=points.used,
        error_m=points.error_m,
        time_s=keypoints.time_s,
        cameras=keypoints.cameras,
        skeleton=keypoints.skeleton,
    )


def _metrics(poses: Poses3D, rig: Rig, seen: NDArray[np.bool_]) -> Metrics:
    """The result in numbers; `seen` (C, T, J) says what each camera contributed."""
    from gentri.ransac.quality import limb_length_variation, reprojection_mrad

    measured = ~np.isnan(poses.xyz[..., 0])
    shared = seen.any(axis=2).sum(axis=0) >= 2
    plain, robust = limb_length_variation(poses.xyz, poses.skeleton)
    offered = (seen & measured[:, 0]).sum(axis=(1, 2))
    accepted = poses.used.sum(axis=(0, 1, 2))
    metrics: Metrics = {
        "ticks": len(poses.time_s),
        "ticks_seen_by_two_cameras": int(shared.sum()),
        "body_joints_triangulated_percent": _rounded(
            100 * measured[shared][..., poses.skeleton.body].mean()
        ),
        "reproj_median_px": _rounded(median_measured(poses.reproj_px)),
        "reproj_median_mrad": _rounded(median_measured(reprojection_mrad(poses, rig))),
        "foreseen_error_median_mm": _rounded(1000 * median_measured(poses.error_m)),
        "limb_length_variation_percent": _rounded(100 * plain),
        "limb_length_variation_robust_percent": _rounded(100 * robust),
        "views_per_joint": _rounded(poses.used[measured].sum(axis=-1).mean()),
        # Share of a camera's detections that agree with the others.
        "agreement": {
            name: _rounded(a / o) if o else None
            for name, a, o in zip(poses.cameras, accepted, offered, strict=True)
        },
    }
    return metrics | {"poor": _reasons(metrics)}


def _rounded(value: float) -> float | None:
    """Four decimals, None for "not measured"."""
    return round(float(value), 4) if np.isfinite(value) else None


def _reasons(metrics: Metrics) -> list[str]:
    """Why the result is not to be trusted."""
    share, mrad = metrics["body_joints_triangulated_percent"], metrics["reproj_median_mrad"]
    variation = metrics["limb_length_variation_robust_percent"]
    reasons = []
    if share is not None and share < LEAST_TRIANGULATED_PERCENT:
        reasons.append(
            f"only {share:.0f} % of the body joints could be triangulated while two cameras or "
            f"more saw the person (expected: {LEAST_TRIANGULATED_PERCENT:.0f} % or more)"
        )
    if variation is not None and variation > MOST_LIMB_VARIATION_PERCENT:
        reasons.append(
            f"limbs change their length by {variation:.0f} % (expected: "
            f"{MOST_LIMB_VARIATION_PERCENT:.0f} % or less): calibration, synchronisation or "
            "detections are wrong"
        )
    if mrad is not None and mrad > MOST_REPROJECTION_MRAD:
        reasons.append(
            f"detections miss the 3D joints by {mrad:.1f} mrad in the median (expected: "
            f"{MOST_REPROJECTION_MRAD:.0f} or less)"
        )
    for camera, agreement in metrics["agreement"].items():
        if agreement is not None and agreement < LEAST_AGREEMENT:
            reasons.append(
                f"only {agreement:.0%} of what {camera} detects agrees with the other cameras "
                f"(expected: {LEAST_AGREEMENT:.0%} or more): it is badly calibrated, not "
                "synchronised, or shows somebody else"
            )
    return reasons


def _digests(session: "Session", params: TriangulateParams) -> dict[str, str]:
    """What the learned method has learned."""
    if params.method != "learned":
        return {}
    from gentri.pipeline.digests import file_digest
    from gentri.weights.store import find

    given = session.given.scorer
    return {"scorer": file_digest(given) if given else find("candidate-scorer").sha256}


def _check(session: "Session", params: TriangulateParams, runtime: Runtime) -> None:
    require_device(runtime.device)
    if params.method == "learned" and session.given.scorer is not None:
        from gentri.ransac.scorer_file import read_scorer

        read_scorer(session.given.scorer)


STAGE = Stage(
    name="triangulate",
    version=3,
    needs=("detect", "calibrate"),
    params=TriangulateParams,
    run=run,
    external=_digests,
    check=_check,
)
