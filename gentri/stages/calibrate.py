"""calibrate: cameras, world and scale from the subject's motion, or a rig that is given."""

import json
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gentri.data import Detections, Keypoints2D, Rig, Timeline
from gentri.errors import CalibrationError, InputError, or_without
from gentri.geometry.options import CalibrationOptions
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.stage import Context, Metrics, Stage, require
from gentri.stages.calibrate_checks import check
from gentri.stages.calibrate_inputs import (
    Sizes,
    digests,
    named_subject,
    read_given_rig,
    read_lenses,
    read_world,
    scale_reference,
)
from gentri.stages.calibrate_report import misses_person, report_estimated, report_given
from gentri.stages.calibrate_takes import read_takes

if TYPE_CHECKING:
    from gentri.people.subject import Subject


@dataclass(frozen=True)
class CalibrateParams(CalibrationOptions):
    """Settings of the stage; defaults and reasons stand in default.toml."""

    stature_m: float | Literal["unknown"]
    camera_distance: str
    bone_length: str
    subject: tuple[str, ...]
    min_score: float

    def __post_init__(self) -> None:
        if self.stature_m != "unknown":
            given = self.stature_m
            meant = f"; did you mean {given / 100:g}?" if 50 <= given <= 250 else ""
            require(self, "stature_m", 0.5 <= given <= 2.5, f"0.5 to 2.5 metres{meant}")
        self._check_scale()
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

    def _check_scale(self) -> None:
        """One length is enough: where two disagree, nobody knows which is meant."""
        lengths = {"stature_m": "unknown", "camera_distance": "none", "bone_length": "none"}
        given = [name for name, nothing in lengths.items() if getattr(self, name) != nothing]
        if len(given) > 1:
            away = (f"--set calibrate.{name}={lengths[name]}" for name in given[:2])
            raise ValueError(
                f"{given[0]} and calibrate.{given[1]} both give the scale; take one of them away: "
                + ", or ".join(away)
            )
        scale_reference(self)  # refuses what it cannot read


# Folder of the rig in other programs' formats.
_FOR_OTHERS = "rigs"
# A person who moves less than this share of the own size, in every image, tells nothing.
_LEAST_MOTION = 0.08
# Where the subject as chosen misses or mistakes more than this share of a view's frames with
# people, cameras are estimated twice: so many frames suffice to tell whose the detections are.
_SUBJECT_LACKS = 0.05
_FIRST_FRAMES = 50


def run(context: Context) -> Metrics:
    """Choose the subject, estimate the rig, and write `rig.toml`, `subject.npz` and `report.json`.

    The rig is written for other programs as well, below `rigs`.

    Raises:
        CalibrationError: the person or the cameras cannot be made out.
        InputError: a camera sees nobody, the recordings do not overlap, or a file from elsewhere
            cannot serve.
        UsageError: the settings name a camera or track that does not exist.
    """
    from gentri.people.subject_choice import choose_subject

    params: CalibrateParams = context.params
    timeline = Timeline.load(context.inputs["frames"] / "timeline.npz")
    detections = {
        n: Detections.load(context.inputs["detect"] / f"{n}.npz") for n in timeline.cameras
    }
    sizes = {n: (seen.width, seen.height) for n, seen in detections.items()}
    given = read_given_rig(context, sizes)
    context.progress.say("choosing the person to follow")
    named = named_subject(params.subject, timeline.cameras)
    # A track of somebody else may be what cameras cannot be made out of.
    with or_without("--set calibrate.subject=[]") if named else nullcontext():
        subject = choose_subject(detections, timeline, named, params.min_score)
        if given is not None:
            rig, subject, report = _use_rig(context, detections, subject, given)
        else:
            rig, subject, report = _estimate(context, detections, subject, sizes)
    with atomic_write(context.out / "rig.toml") as temporary:
        rig.save(temporary)
    with atomic_write(context.out / "subject.npz") as temporary:
        subject.save(temporary)
    written, left_out = _write_for_others(context.out / _FOR_OTHERS, rig)
    report |= {"formats_left_out": left_out}
    with atomic_write(context.out / "report.json") as temporary:
        text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return report | {"files": {"rig.toml": "cameras", **written}}


def _write_for_others(folder: Path, rig: Rig) -> tuple[dict[str, str], dict[str, str]]:
    """The cameras in the formats of other programs, for those who go on with one of them.

    Returns:
        Path within the stage's folder → what it is; formats that cannot hold these cameras → why.
    """
    from gentri.rigs.formats import WRITERS, write_rigs

    files: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name in WRITERS:
        try:
            files |= write_rigs(rig, folder, [name])
        except InputError as error:  # what one of them cannot hold is no fault of the rig
            left_out[name] = error.message
    return {f"{folder.name}/{file}": what for file, what in files.items()}, left_out


def _estimate(
    context: Context, detections: dict[str, Detections], subject: "Subject", sizes: Sizes
) -> "tuple[Rig, Subject, dict[str, Any]]":
    """Rig from the chosen tracks, then from all detections that this rig gives to the subject."""
    from gentri.geometry.person_rig import Known, estimate_rig
    from gentri.people.subject import gather_keypoints
    from gentri.people.whole import whole_subject

    params: CalibrateParams = context.params
    lenses, places = read_lenses(context, sizes), read_world(context, sizes)
    known = Known(lenses, scale_reference(params), places)
    others = read_takes(context, sizes)
    takes = [gather_keypoints(detections, subject, params.min_score), *others]
    _refuse_still(takes)
    context.progress.say(f"estimating {len(subject.cameras)} cameras")
    shown = [np.asarray((detections[n].track >= 0).any(-1)) for n in subject.cameras]
    rough = _lacks(shown, [s >= 0 for s in subject.slot])
    first = replace(params, frames=min(params.frames, _FIRST_FRAMES)) if rough else params
    solved = estimate_rig(takes, first, known)
    whole = whole_subject(detections, subject, solved.rig, params.min_score)
    same = [a == b for a, b in zip(subject.slot, whole.slot, strict=True)]
    if rough or _lacks(shown, same):
        takes = [gather_keypoints(detections, whole, params.min_score), *others]
        solved = estimate_rig(takes, params, known)
        whole = whole_subject(detections, whole, solved.rig, params.min_score)
    context.progress.say("testing the cameras")
    return solved.rig, whole, report_estimated(solved, takes, whole, detections)


def _lacks(shown: list[NDArray[np.bool_]], right: list[NDArray[np.bool_]]) -> bool:
    """Whether too few of a view's frames (T_c,) that show people are right."""
    return any((s & ~r).sum() > _SUBJECT_LACKS * s.sum() for s, r in zip(shown, right, strict=True))


def _use_rig(
    context: Context, detections: dict[str, Detections], subject: "Subject", rig: Rig
) -> "tuple[Rig, Subject, dict[str, Any]]":
    """A rig made elsewhere, and what it gives to the subject."""
    from gentri.people.subject import gather_keypoints
    from gentri.people.whole import whole_subject

    params: CalibrateParams = context.params
    context.progress.say("testing the cameras")
    keypoints = gather_keypoints(detections, subject, params.min_score)
    if not misses_person(rig, keypoints):  # a wrong rig would take the person for somebody else
        subject = whole_subject(detections, subject, rig, params.min_score)
        keypoints = gather_keypoints(detections, subject, params.min_score)
    reference = scale_reference(params)
    return rig, subject, report_given(rig, keypoints, reference, subject, detections)


def _refuse_still(takes: list[Keypoints2D]) -> None:
    from gentri.people.subject_choice import motion_of

    views = (view for take in takes for view in take.xy_px[:, :, take.skeleton.body])
    moved = max(motion_of(view) for view in views)
    if moved < _LEAST_MOTION:
        raise CalibrationError(
            f"the person hardly moves: {100 * moved:.0f} % of the own size in the image",
            "film the person walking through the volume and moving arms and legs, for 5 s or more",
        )


STAGE = Stage(
    name="calibrate",
    version=6,
    needs=("frames", "detect"),
    params=CalibrateParams,
    run=run,
    external=digests,
    check=check,
)
