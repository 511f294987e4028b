"""Metres and z up for a body whose file says neither: both are read off the body."""

from pathlib import Path

import numpy as np

from gentri.data import FloatArray
from gentri.motion.recording import METRES, refusal
from gentri.synthetic.bodies import MOCAP_JOINTS, stature_of

# Of whom there is motion; the units below are further apart than this, so that only one fits.
STATURES_M = (1.0, 2.3)
# Lengths of a unit: CMU's own besides, which copies of its database keep.
_UNITS_M = (*METRES.values(), METRES["in"] / 0.45)
# Share of the length from ankles to head that is along the axis which is up, in the median.
_STANDING = 0.6

_HEAD = MOCAP_JOINTS.index("Head")
_ANKLES = [MOCAP_JOINTS.index("LAnkle"), MOCAP_JOINTS.index("RAnkle")]


def in_metres(xyz: FloatArray, metres: float | None, path: Path) -> FloatArray:
    """Mocap joints (T, 15, 3) in metres.

    Args:
        xyz: in the file's unit.
        metres: what the file says the unit is; None takes the unit that makes a person of it.
        path: for messages.

    Raises:
        InputError: the body has the size of nobody.
    """
    least, most = STATURES_M
    units = _UNITS_M if metres is None else (metres,)
    stature = stature_of(xyz)
    fitting = [unit for unit in units if least <= stature * unit <= most]
    if not fitting:
        tried = ", ".join(f"{stature * unit:.2g} m" for unit in units)
        raise refusal(
            path,
            f"the body is {stature:.3g} units tall, that is {tried}"
            + ("" if metres else " (in metres, cm, mm, inches, CMU's unit)")
            + f"; needed: {least:g} to {most:g} m",
            "scale the file, or leave it out",
        )
    return xyz * min(fitting, key=lambda unit: abs(np.log(stature * unit / np.sqrt(least * most))))


def z_up(xyz: FloatArray, path: Path) -> FloatArray:
    """Mocap joints (T, 15, 3) turned so that z is up, from y or z up: the head over the ankles.

    Raises:
        InputError: neither, because nobody stands or because another axis is up.
    """
    body = xyz[:, _HEAD] - xyz[:, _ANKLES].mean(axis=1)
    up = np.median(body, axis=0) / np.median(np.linalg.norm(body, axis=-1))
    if max(up[1], up[2]) < _STANDING:
        raise refusal(
            path,
            f"ankles to head points along ({up[0]:.2f}, {up[1]:.2f}, {up[2]:.2f}) in the median: "
            "up is neither y nor z",
            "turn the file so that y or z is up; leave it out where the person lies",
        )
    return xyz if up[2] > up[1] else xyz[..., [2, 0, 1]]
