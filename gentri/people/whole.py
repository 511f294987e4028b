"""The whole subject, once the cameras are known."""

from gentri.data import Detections, Rig
from gentri.people.follow import follow_subject
from gentri.people.joining import join_tracks
from gentri.people.subject import Subject


def whole_subject(
    detections: dict[str, Detections], subject: Subject, rig: Rig, min_score: float
) -> Subject:
    """The subject with broken tracks joined and mix-ups undone.

    Args:
        detections: per camera.
        subject: as chosen.
        rig: calibrated cameras in the subject's camera order.
        min_score: joints below are not looked at.
    """
    joined = join_tracks(detections, subject, rig, min_score)
    return follow_subject(detections, joined, rig, min_score)
