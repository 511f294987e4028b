"""Which joint set the files hold: as they say, by the number of joints, or by limb lengths."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gentri.data import FloatArray
from gentri.errors import InputError
from gentri.keypoints.recording import Recording
from gentri.skeletons import COCO17, SKELETONS, Skeleton

# Joints taken in a wrong order make limbs that run across the body. On OpenPose detections and
# motion capture the right order has 0.3 to 0.63 of their mean length; COCO, whose wrong order is
# the least wrong, 0.5 to 1.2, so it is also what is taken where nothing is clear.
_CLEARLY_SHORTER = 0.7
_LEAST_LIMBS = 6  # seen, for a person to count
_MOST_PEOPLE = 500


class Recognised(NamedTuple):
    """A joint set, and what it was recognised by."""

    skeleton: Skeleton
    by: str


def recognise(recordings: Mapping[str, Recording], wanted: str) -> Recognised:
    """The joint set of all cameras.

    Args:
        recordings: camera name → its recording.
        wanted: name of a joint set; "auto" to find out.

    Raises:
        InputError: cameras differ, no joint set has so many joints, or two do and neither fits.
    """
    counts = {name: recording.score.shape[1] for name, recording in recordings.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise InputError(
            f"the cameras have different numbers of joints: {said}",
            "use the keypoints of one detector for all cameras",
        )
    count = next(iter(counts.values()))
    if wanted != "auto":
        if len(SKELETONS[wanted]) != count:
            raise InputError(
                f"people have {count} joints, {wanted} has {len(SKELETONS[wanted])}",
                f"choose another: --skeleton NAME ({_known()})",
            )
        return Recognised(SKELETONS[wanted], "as set")
    fitting = [s for s in SKELETONS.values() if len(s) == count]
    if not fitting:
        raise InputError(
            f"people have {count} joints, as no joint set of gentri has ({_known()})",
            "detect with one of these, or write its joints into these files",
        )
    return _by_names(recordings, fitting) or _by_limbs(recordings, fitting)


def doubt_set(recordings: Mapping[str, Recording], skeleton: Skeleton) -> str:
    """What speaks against a joint set: another makes clearly shorter limbs; "" for nothing."""
    others = [s for s in SKELETONS.values() if len(s) == len(skeleton) and s is not skeleton]
    if not others:
        return ""
    people = _some_people(recordings)
    share = limb_share(people, skeleton)
    for other in others:
        shorter = limb_share(people, other)
        if shorter < _CLEARLY_SHORTER * share:
            return (
                f"the joints are not those of {skeleton.name}: limbs would have {share:.0%} of the "
                f"person's size, as {other.name} they have {shorter:.0%}: check --skeleton"
            )
    return ""


def _known() -> str:
    return ", ".join(SKELETONS)


def _by_names(recordings: Mapping[str, Recording], fitting: list[Skeleton]) -> Recognised | None:
    """As the files say: the set's name, or names of joints that one set has in these places."""
    found = {
        name: tuple(s for s in fitting if s.name == r.skeleton)
        or tuple(s for s in fitting if _agrees(s, r.joints))
        for name, r in recordings.items()
        if r.skeleton or r.joints
    }
    if len(set(found.values())) > 1:
        names = ", ".join(f"{n} {'/'.join(s.name for s in f)}" for n, f in found.items())
        raise InputError(
            f"the cameras have different joint sets: {names}",
            "use the keypoints of one detector for all cameras",
        )
    only = next(iter(found.values()), ())
    return Recognised(only[0], "as the files say") if len(only) == 1 else None


def _agrees(skeleton: Skeleton, joints: tuple[str, ...]) -> bool:
    shared = set(skeleton.joints) & set(joints)
    return bool(shared) and all(joints.index(j) == skeleton.index(j) for j in shared)


def _by_limbs(recordings: Mapping[str, Recording], fitting: list[Skeleton]) -> Recognised:
    count = len(fitting[0])
    if len(fitting) == 1:
        return Recognised(fitting[0], f"by its {count} joints")
    people = _some_people(recordings)
    shares = [limb_share(people, skeleton) for skeleton in fitting]
    best, *others = np.argsort(shares)  # NaN comes last
    if all(shares[best] < _CLEARLY_SHORTER * shares[other] for other in others):
        return Recognised(fitting[best], f"of those with {count} joints the one whose limbs fit")
    if COCO17 in fitting:
        return Recognised(COCO17, f"the usual one of those with {count} joints")
    names = " or ".join(skeleton.name for skeleton in fitting)
    raise InputError(
        f"people have {count} joints: {names}",
        f"say which: --skeleton {fitting[0].name}, or --skeleton {fitting[1].name}",
    )


def _some_people(recordings: Mapping[str, Recording]) -> FloatArray:
    """Joints (N, J, 2) of people all over the recordings."""
    rows = [r.xy_px[:: -(-len(r.xy_px) // _MOST_PEOPLE)].copy() for r in recordings.values()]
    return np.concatenate(rows)


def limb_share(xy_px: FloatArray, skeleton: Skeleton) -> float:
    """Mean length of the limbs of people (N, J, 2) as a share of their box's diagonal.

    The median over people; NaN where nobody shows enough of them.
    """
    ends = xy_px[:, skeleton.limb_indices].astype(np.float64)
    lengths = np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1)
    shown = np.isfinite(lengths).sum(-1) >= _LEAST_LIMBS
    if not shown.any():
        return float("nan")
    size = np.nanmax(xy_px[shown], axis=1) - np.nanmin(xy_px[shown], axis=1)
    return float(np.median(np.nanmean(lengths[shown], -1) / np.linalg.norm(size, axis=-1)))
