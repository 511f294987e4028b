"""What measurements of a rig mean, in words that a person can act on.

The thresholds stand between what good and bad scenes measured; see docs/method.md, "When to trust
a rig".
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gentri.geometry.trust.degeneracy import CORRELATION_S
from gentri.geometry.trust.measures import Measures
from gentri.geometry.trust.model import POSE
from gentri.geometry.trust.time_shift import MOST_DELAY_S
from gentri.skeletons import BODY_JOINTS

Level = Literal["usable", "poor"]
Limits = dict[Level, float]

# Fall of the log cost of one camera's errors by a fault that is put right.
_CLOCK_GAIN, _KNOCK_GAIN = 0.05, 0.06
# Median error that is left, in errors that a detector is expected to make; more, and the camera
# sees something else.
_LEFT_OVER = 3.0
_LATE_S: Limits = {"usable": 0.02, "poor": 0.05}
# Of what is searched: near its end, the best delay may be one of many bad ones.
_FAR = 0.9
_KNOCK_DEG, _KNOCK_M = 0.7, 0.03  # at least
_TURNED_AWAY_DEG = 45.0  # a camera that turned further would not see the person any more

# Held-out error of a camera: milliradians, and errors that a detector is expected to make.
_PREDICTION_MRAD: Limits = {"usable": 8.0, "poor": 15.0}
_PREDICTION_RELATIVE: Limits = {"usable": 3.0, "poor": 5.0}
_CONTRADICTING: Limits = {"usable": 0.1, "poor": 0.25}

# A camera with less than this share of the largest error may suffer from that camera alone.
_COLLATERAL = 0.4

# Standard deviations, relative. That of the calibration is on the safe side with errors like those
# of real detectors: it is twice what it should be.
_FOCAL_SIGMA: Limits = {"usable": 0.025, "poor": 0.07}
_FOCAL_SIGMA_CALIBRATED: Limits = {"usable": 0.035, "poor": 0.14}
_BASELINE_SIGMA: Limits = {"usable": 0.02, "poor": 0.05}
_THIN_M = 0.5

# Change of the log focal length that a camera asks for in earnest, in its standard deviations.
# Detectors that err differently by view make equal cameras ask for some per cent: 9 % were seen.
_ASKS_SIGMAS = 2.5
_ASKS: Limits = {"usable": 0.05, "poor": 0.12}

# Lines of sight within this angle of one line: depth is hardly measured, and with it nothing else.
_ONE_LINE_DEG: Limits = {"usable": 30.0, "poor": 12.0}

_LEAST_MOMENTS, _LEAST_COMMON_S = 40, 3.0
_LEAST_IMAGE, _LEAST_TIME = 0.12, 0.05


@dataclass(frozen=True)
class Reason:
    """Something that speaks against a rig.

    Attributes:
        kind: "scale", "late", "knocked", "disagrees", "sharing", "lens", "spot", "line",
            "focal", "baseline", "center", "coverage" or "floor".
        level: how much it matters.
        text: what was found and what to do about it.
    """

    kind: str
    level: Level
    text: str


def reasons(m: Measures) -> list[Reason]:
    """All of them, the gravest first."""
    faults = _faults(m)
    said = [
        *faults,
        *([] if faults else [*_disagreement(m), *_lenses(m)]),
        *_undetermined(m),
        *_coverage(m),
    ]
    return sorted(said, key=lambda r: r.level != "poor")


def level_of(value: float, limits: Limits) -> Level | None:
    """What a value that should be small comes to."""
    return "poor" if value > limits["poor"] else "usable" if value > limits["usable"] else None


def _faults(m: Measures) -> list[Reason]:
    """A late clock or a moved camera: whichever explains more, for each can look like the other."""
    take, late = m.clocks.worst
    late_s = float(m.clocks.late_s[take, late])
    # Cameras with a wrong lens, or wrongly taken for alike, disagree by where the person is, too.
    least = max(_CLOCK_GAIN, m.uncertainty.asks_gain)
    explained = m.clocks.gain > least and m.clocks.left_over[late] < _LEFT_OVER
    is_late = level_of(abs(late_s), _LATE_S) if explained else None
    if _has_moved(m) and m.knock and (is_late is None or m.knock.gain > m.clocks.gain):
        return [_knocked(m)]
    return [] if is_late is None else [_late(m, is_late)]


def _late(m: Measures, level: Level) -> Reason:
    take, late = m.clocks.worst
    takes, late_s = m.clocks.late_s, float(m.clocks.late_s[take, late])
    whom = "the others" if len(m.cameras) > 2 else m.cameras[1 - late]
    way = "behind" if late_s > 0 else "ahead of"
    where = f" in take {take + 1}" if len(takes) > 1 else ""
    more = [
        f"{m.cameras[c]} by {abs(s):.2f} s {'behind' if s > 0 else 'ahead'}"
        for c, s in enumerate(map(float, np.nan_to_num(takes[take])))
        if c != late and abs(s) > _LATE_S["usable"]
    ]
    others = f" (and {', '.join(more)})" if more else ""
    remedy = "synchronise the recordings (or cut that much off), and calibrate again"
    if abs(late_s) > _FAR * MOST_DELAY_S:
        remedy = (
            f"more than {MOST_DELAY_S:g} s either way is not looked for: check that the videos "
            "show one take, synchronise them, and calibrate again"
        )
    text = f"{m.cameras[late]} runs {abs(late_s):.2f} s {way} {whom}{where}{others}: {remedy}"
    return Reason("late", level, text)


def _has_moved(m: Measures) -> bool:
    knock = m.knock
    if knock is None or knock.left_over > _LEFT_OVER:
        return False
    if knock.gain < max(_KNOCK_GAIN + _chance(m), m.uncertainty.asks_gain):
        return False
    far = knock.angle_deg > _KNOCK_DEG or knock.distance_m > _KNOCK_M
    return far and knock.angle_deg < _TURNED_AWAY_DEG


def _chance(m: Measures) -> float:
    """What a second pose of a camera gains where nothing moved, in shares of one camera.

    The cost falls by the share that the pose's numbers are of all that is free: of every joint two
    numbers a view, less the three of the joint, as often as errors are new.
    """
    views = len(m.cameras)
    times = max(m.coverage.common_s / CORRELATION_S, 1.0)
    return 0.5 * views * POSE / (len(BODY_JOINTS) * (2 * views - 3) * times)


def _knocked(m: Measures) -> Reason:
    assert m.knock is not None
    name = m.cameras[m.knock.camera]
    if len(m.cameras) == 2:
        name = " or ".join(m.cameras)
    take, time_s = m.knock_at
    when = f"at {time_s:.1f} s" + (f" of take {take + 1}" if len(m.clocks.late_s) > 1 else "")
    given = m.held.any() if len(m.cameras) == 2 else m.held[m.knock.camera]
    lens = "; or the lens given for it is not its own" if given else ""
    by = f"by {m.knock.angle_deg:.1f}° and {100 * m.knock.distance_m:.0f} cm"
    if np.isnan(time_s):
        text = (
            f"{name} was moved or zoomed before take {take + 1}, {by}: pool only takes between "
            f"which no camera changes; leave that one out, or calibrate it by itself{lens}"
        )
    else:
        text = (
            f"{name} moved {when}, {by}: calibrate from the part before or the part after, or fix "
            f"the camera and film again{lens}"
        )
    return Reason("knocked", "poor", text)


def _disagreement(m: Measures) -> list[Reason]:
    """Cameras that others do not confirm; not those that only suffer from a worse one."""
    check = "check that it ran in sync, did not move, and sees the same person"
    error = np.nan_to_num(m.relative, nan=np.inf)
    said = []
    for c in map(int, np.argsort(-error, kind="stable")):
        name, mrad = m.cameras[c], 1e3 * m.together[c]
        if not np.isfinite(mrad):
            text = f"nothing that {name} saw can be compared with the other cameras: {check}"
            said.append(Reason("disagrees", "poor", text))
            continue
        levels: list[Level | None] = [
            level_of(mrad, _PREDICTION_MRAD),
            level_of(m.relative[c], _PREDICTION_RELATIVE),
            level_of(m.contradicting[c], _CONTRADICTING),
        ]
        level = max(levels, key=_gravity)
        if level is None or (said and error[c] < _COLLATERAL * error.max()):
            continue
        share = f"{100 * m.contradicting[c]:.0f}"
        altogether = "" if share == "0" else f", and altogether in {share} % of its moments"
        found = f"{name} disagrees with the other cameras by {mrad:.0f} mrad in the median"
        said.append(Reason("disagrees", level, f"{found}{altogether}: {check}"))
    return said


def _undetermined(m: Measures) -> list[Reason]:
    """Focal lengths and baselines that the take leaves open, and why it does."""
    focal, worst, sigma = _least_certain_focal(m)
    baseline = level_of(m.uncertainty.baseline, _BASELINE_SIGMA)
    level = max(focal, baseline, key=_gravity)
    in_line = _in_line(m, level)
    if level is None or (in_line and not m.geometry.on_the_spot):
        return in_line
    by_focal = _gravity(focal) >= _gravity(baseline)
    how = (
        f"the focal length of {m.cameras[worst]} is uncertain by {100 * sigma:.0f} %"
        if by_focal
        else f"the cameras' places are uncertain by {100 * m.uncertainty.baseline:.0f} % of their "
        "distance to the person"
    )
    if m.geometry.on_the_spot:
        text = (
            f"the person stays on the spot, and {how}: film the person walking through the whole "
            "volume"
        )
        return [Reason("spot", level, text), *in_line]
    return [Reason("focal" if by_focal else "baseline", level, f"{how}: {_remedy(m)}")]


def _least_certain_focal(m: Measures) -> tuple[Level | None, int, float]:
    """What the focal lengths come to, the camera that makes them so, and its uncertainty."""
    found: list[tuple[Level | None, int, float]] = []
    for limits, sigmas in (
        (_FOCAL_SIGMA, m.uncertainty.log_focal),
        (_FOCAL_SIGMA_CALIBRATED, m.uncertainty.log_focal_calibrated),
    ):
        for c, sigma in enumerate(map(float, np.nan_to_num(sigmas))):
            found.append((level_of(sigma, limits), c, sigma))
    return max(found, key=lambda f: (_gravity(f[0]), f[2]))


def _lenses(m: Measures) -> list[Reason]:
    """Cameras that were taken for alike and are not, and lenses that were given and do not fit."""
    asks, sigma = m.uncertainty.asks, m.uncertainty.log_focal_alone
    clear = np.where(np.abs(asks) > _ASKS_SIGMAS * np.nan_to_num(sigma, nan=np.inf), asks, 0.0)
    worst = int(np.abs(clear).argmax())
    level = level_of(abs(float(clear[worst])), _ASKS)
    if level is None:
        return []
    name, ratio = m.cameras[worst], float(np.expm1(clear[worst]))
    change = f"{100 * abs(ratio):.0f} % {'more' if ratio > 0 else 'less'}"
    if m.held[worst]:
        text = (
            f"the focal length given for {name} does not fit what it sees: that asks for {change}: "
            "check that it is of this camera, zoom and video mode (resolution, stabilisation)"
        )
        return [Reason("lens", level, text)]
    text = (
        f"{name} does not fit the focal length that all cameras share: it asks for {change}: where "
        "lens, zoom or video mode differ, give the focal lengths, or set calibrate.focal_sharing "
        'to "camera"'
    )
    return [Reason("sharing", level, text)]


def _in_line(m: Measures, uncertain: Level | None) -> list[Reason]:
    """Cameras side by side or face to face, where that shows in what is left open."""
    angle = m.geometry.ray_angle_deg
    level = "poor" if angle < _ONE_LINE_DEG["poor"] else uncertain
    if angle > _ONE_LINE_DEG["usable"] or level is None:
        return []
    text = (
        f"all cameras look along one line within {angle:.0f}° (side by side or face to face), so "
        "depth is hardly measured: set one of them up at right angles to the others"
    )
    return [Reason("line", level, text)]


def _gravity(level: Level | None) -> int:
    return 0 if level is None else 1 if level == "usable" else 2


def _remedy(m: Measures) -> str:
    if len(m.cameras) == 2 and not m.held.all():
        return "two cameras hardly tell it: give their focal lengths, or add a third camera"
    if m.geometry.cloud_m[-1] < _THIN_M or m.geometry.roam_m[1] < _THIN_M:
        return (
            f"the person keeps to a line {m.geometry.roam_m[1]:.1f} m wide: film the person "
            "walking through the whole volume, towards and away from the cameras"
        )
    return (
        "film the person walking through the whole volume, towards and away from the cameras, "
        "for longer"
    )


def _coverage(m: Measures) -> list[Reason]:
    said = []
    walk = "film the person walking through the whole volume"
    if m.moments < _LEAST_MOMENTS or m.coverage.common_s < _LEAST_COMMON_S:
        text = (
            f"only {m.coverage.common_s:.1f} s show the person to two cameras: {walk}, for 10 s "
            "or more"
        )
        said.append(Reason("coverage", "usable", text))
    for c, name in enumerate(m.cameras):
        if m.coverage.time[c] < _LEAST_TIME:
            share = 100 * m.coverage.time[c]
            text = (
                f"{name} sees the person together with others in {share:.0f} % of the time: {walk}"
            )
        elif m.coverage.image[c] < _LEAST_IMAGE:
            share = 100 * m.coverage.image[c]
            text = f"the person fills {share:.0f} % of the picture of {name}: {walk}"
        else:
            continue
        said.append(Reason("coverage", "usable", text))
    return said
