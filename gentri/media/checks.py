"""What is wrong with footage: refused where the rest would not serve, said where it does."""

from collections.abc import Mapping, Sequence

from gentri.data import FloatArray
from gentri.errors import InputError
from gentri.media.clip import Clip
from gentri.media.extract import Extraction

# Half of what was asked for is still a recording; less is more likely the wrong or a broken file.
_LEAST_SHARE = 0.5
# Containers round durations, and sound ends a little before or after the pictures.
_DURATION_TOLERANCE_S = 0.5
_RECORD_AGAIN = "copy it from the camera again"


def check_range(extraction: Extraction) -> None:
    """Refuse a time range without frames.

    Raises:
        InputError: no frame lies in the range.
    """
    if extraction.frames:
        return
    clip, sampling = extraction.clip, extraction.sampling
    time_s = clip.time_s
    end = "the end" if sampling.end_s is None else f"{sampling.end_s:g} s"
    raise InputError(
        f"{clip.path} has no frame from {sampling.start_s:g} s to {end}: "
        f"its {len(time_s)} frames are from {time_s[0]:.2f} s to {time_s[-1]:.2f} s",
        "change frames.start_s and frames.end_s to a range that all videos have",
    )


def check_promise(extraction: Extraction) -> list[str]:
    """Compare the playing time that the header states with the data that is there.

    Returns:
        Warnings.

    Raises:
        InputError: less than half of the wanted range is there.
    """
    clip, sampling = extraction.clip, extraction.sampling
    end_s = clip.promised_s if sampling.end_s is None else min(sampling.end_s, clip.promised_s)
    if not clip.stamped or end_s - clip.found_s < _DURATION_TOLERANCE_S:
        return []
    found = (
        f"{clip.path} is cut off: its header states {clip.promised_s:.1f} s, "
        f"but the data ends after {clip.found_s:.1f} s"
    )
    if clip.found_s - sampling.start_s < _LEAST_SHARE * (end_s - sampling.start_s):
        raise InputError(
            found,
            f"{_RECORD_AGAIN}; to use only what is there, "
            f"--set frames.end_s={clip.found_s:.1f}; or leave this camera out",
        )
    return [f"{found}; going on with what is there ({_RECORD_AGAIN} for the rest)"]


def check_decoded(extraction: Extraction, frames: int) -> list[str]:
    """Compare the frames that were decoded with those that the container lists.

    Returns:
        Warnings.

    Raises:
        InputError: more than half is missing.
    """
    if frames >= extraction.frames:
        return []
    found = (
        f"{extraction.clip.path} is damaged: only {frames} of {extraction.frames} frames "
        "could be decoded"
    )
    if frames < _LEAST_SHARE * extraction.frames:
        raise InputError(found, f"{_RECORD_AGAIN}, or leave this camera out")
    return [f"{found}; going on with these ({_RECORD_AGAIN} for the rest)"]


def check_overlap(time_s: Mapping[str, FloatArray]) -> list[str]:
    """Compare when the cameras were running.

    Args:
        time_s: camera name → times of its frames (T,), seconds since its first one.

    Returns:
        Warnings.

    Raises:
        InputError: at no time all cameras were running.
    """
    begin, end = max(t[0] for t in time_s.values()), min(t[-1] for t in time_s.values())
    spans = ", ".join(f"{name} {t[0]:.2f}–{t[-1]:.2f} s" for name, t in time_s.items())
    if begin > end:
        raise InputError(
            f"the cameras have no time in common: {spans}",
            "give videos that were recorded together, or change frames.start_s and frames.end_s",
        )
    longest = max(t[-1] - t[0] for t in time_s.values())
    if longest - (end - begin) < _DURATION_TOLERANCE_S:
        return []
    return [f"the cameras ran for different times ({spans}); {end - begin:.2f} s are common"]


def describe(camera: str, clip: Clip) -> str:
    """One line about a clip."""
    width, height = clip.size_px
    turned = f", rotated by {clip.rotation_deg}°" if clip.rotation_deg else ""
    return (
        f"{camera}: {len(clip.pts)} frames, {clip.fps:.3g} fps, {width}×{height} px, "
        f"{clip.codec}{turned}"
    )


def lens_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The part of a container's metadata that may tell the lens; no places, dates or names."""
    words: Sequence[str] = ("make", "model", "lens", "focal")
    return {k: v for k, v in sorted(tags.items()) if any(word in k.lower() for word in words)}
