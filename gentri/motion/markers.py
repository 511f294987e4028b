"""Joint centres from the markers of the Plug-in Gait set, where a file has no joints.

Approximations, good to some centimetres: enough for motion to train on, not for biomechanics.

- Pelvis: middle of the four (or, with a sacral marker, three) pelvic markers.
- Hip: 14 % of the width of the pelvis medial, 19 % behind and 30 % below the anterior spine
  (Bell, Pedersen and Brand, "A comparison of the accuracy of several hip center location prediction
  methods", 1990).
- Knee, ankle: the lateral marker, half a joint's width towards the middle, square to the segment
  above.
- Shoulder: the marker on the acromion, lowered along the trunk. Elbow: its lateral marker.
- Wrist: middle of its two markers. Head: middle of its four.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from gentri.data import FloatArray

# Lengths as shares of the width of the pelvis between the anterior spines, about 25 cm.
_HIP = {"medial": 0.14, "behind": 0.19, "below": 0.30}
_HALF_KNEE, _HALF_ANKLE, _BELOW_ACROMION = 0.20, 0.14, 0.16
_SIDES = {"L": "Left", "R": "Right"}
_NEEDED = tuple(
    side + marker
    for side in "LR"
    for marker in ("ASI", "KNE", "ANK", "SHO", "ELB", "WRA", "WRB", "FHD", "BHD")
)


def missing_markers(labels: Iterable[str]) -> list[str] | None:
    """What these labels lack; None where most are lacking: it is another marker set."""
    there = {marker_of(label) for label in labels}
    missing = [marker for marker in _NEEDED if marker not in there]
    if len(missing) > len(_NEEDED) / 2:
        return None
    if "SACR" not in there and not {"LPSI", "RPSI"} <= there:
        missing.append("SACR (or both LPSI and RPSI)")
    return missing


def marker_of(label: str) -> str:
    """The name of a marker without whose it is."""
    return label.rpartition(":")[2].upper()


def joints_of_markers(markers: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
    """Joints (T, 3) by name from markers (T, 3) by label, of which none is missing."""
    at = {marker_of(label): xyz for label, xyz in markers.items()}
    both = {"LPSI", "RPSI"} <= set(at)
    sacrum = (at["LPSI"] + at["RPSI"]) / 2 if both else at["SACR"]
    front = (at["LASI"] + at["RASI"]) / 2
    width = np.linalg.norm(at["LASI"] - at["RASI"], axis=-1, keepdims=True)
    left = _unit(at["LASI"] - at["RASI"])
    up = _unit(np.cross(front - sacrum, left))
    forward = np.cross(left, up)
    trunk = _unit((at["LSHO"] + at["RSHO"]) / 2 - (front + sacrum) / 2)
    joints = {
        "Hips": (front + sacrum) / 2,
        "Head": (at["LFHD"] + at["RFHD"] + at["LBHD"] + at["RBHD"]) / 4,
    }
    for side, outward in (("L", left), ("R", -left)):
        hip = at[side + "ASI"] - width * (
            _HIP["medial"] * outward + _HIP["behind"] * forward + _HIP["below"] * up
        )
        knee = _inward(hip, at[side + "KNE"], outward, _HALF_KNEE * width)
        ankle = _inward(knee, at[side + "ANK"], outward, _HALF_ANKLE * width)
        centres = {
            "UpLeg": hip,
            "Leg": knee,
            "Foot": ankle,
            "Arm": at[side + "SHO"] - _BELOW_ACROMION * width * trunk,
            "ForeArm": at[side + "ELB"],
            "Hand": (at[side + "WRA"] + at[side + "WRB"]) / 2,
        }
        joints |= {_SIDES[side] + name: xyz for name, xyz in centres.items()}
    return joints


def _inward(
    above: FloatArray, marker: FloatArray, outward: FloatArray, distance: FloatArray
) -> FloatArray:
    segment = _unit(marker - above)
    square = outward - (outward * segment).sum(axis=-1, keepdims=True) * segment
    return marker - distance * _unit(square)


def _unit(v: FloatArray) -> FloatArray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)
