"""What stages advise on the command line, said for Python."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gentri.errors import GentriError

# Options and settings in messages → the arguments that are the same.
_ARGUMENTS = (
    (r"--size (\S+)=(\d+)x(\d+)", r"size_px={'\1': (\2, \3), …}"),
    (r" or \S+=(\d+)x(\d+)", r" or (\1, \2)"),
    (r"(?:--size \S+=WIDTHxHEIGHT ?)+", "size_px={camera: (width, height), …}"),
    (r"--size (\d+)x(\d+)", r"size_px=(\1, \2)"),
    (r" or (\d+)x(\d+)", r" or (\1, \2)"),
    (r"needed WIDTHxHEIGHT .*", "needed (width, height), or these by camera"),
    (r"--fps (\S+)", r"fps=\1"),
    (r"--skeleton NAME", "skeleton=…"),
    (r"--skeleton ([^\s,;]+)", r'skeleton="\1"'),
    (r"--skeleton\b", "skeleton"),
    (r"--keypoints ", ""),
    (r"--height\b", "stature_m"),
    (r"--distance\b", "camera_distance"),
    (r"--bone\b", "bone_length"),
    (r"--set \w+\.(\w+)=([a-z]+)\b", r'\1="\2"'),
    (r"--set \w+\.(\w+)=", r"\1="),
    (" in session.toml or with --set", ""),
    ("to the command", "to the call"),
    (r"frames\.keypoint_(skeleton|size_px)", r"\1"),
    (r"frames\.image_fps", "fps"),
    (r"\b(?:calibrate|triangulate)\.([a-z_]+)", r"\1"),
)


def in_python(text: str) -> str:
    """A message or hint with arguments in place of options."""
    for option, argument in _ARGUMENTS:
        text = re.sub(option, argument, text)
    return text


@contextmanager
def refusing_in_python() -> Iterator[None]:
    """Refusals that speak of arguments, not of options."""
    try:
        yield
    except GentriError as error:
        raise type(error)(in_python(error.message), in_python(error.hint)) from error
