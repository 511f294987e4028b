"""Warnings that point at the line of the user that they are about, however deep they come from."""

import contextlib
import os
import sys
import warnings
from pathlib import Path

# Some decorators run in contextlib.
_OURS = (f"{Path(__file__).parents[1]}{os.sep}", contextlib.__file__)


def warn_caller(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest line outside of gentri."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_code.co_filename.startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
