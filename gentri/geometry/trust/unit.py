"""Whether the unit of a scale can be the metre: people are the measure."""

from gentri.geometry.scale import PLAUSIBLE_STATURE_M, is_plausible
from gentri.geometry.trust.reasons import Reason

# Source of the scale → what to look at; see `Scale`.
_CHECK = {
    "camera distance given": "is the distance of the two cameras in metres, and of these two?",
    "camera positions given": "are the camera positions in metres, and of these cameras?",
    "bone length given": "is the length in metres, of this bone, from joint to joint?",
    "stature given": "is the height in metres, and that of the person in this take?",
}


def wrong_unit(stature_m: float, source: str) -> list[Reason]:
    """One reason where nobody is as tall as the scale says; none where it can be right.

    Args:
        stature_m: of the person, by the scale.
        source: of the scale.
    """
    if is_plausible(stature_m):
        return []
    low, high = PLAUSIBLE_STATURE_M
    text = (
        f"by this scale ({source}) the person is {stature_m:.3g} m tall; people have {low:g} to "
        f"{high:g} m: {_CHECK.get(source, 'are lengths in metres?')}"
    )
    return [Reason("scale", "poor", text)]
