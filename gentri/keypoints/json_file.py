"""JSON files whose faults are named."""

import json
from pathlib import Path
from typing import Any

from gentri.errors import InputError


def read_json(path: Path) -> Any:
    """The content of a file.

    Raises:
        InputError: it is not JSON, is cut off, or cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", "check that you may read the file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not valid JSON, or is cut off: {error}",
            "write it again, or remove it: in a folder of frames, one without a file shows nobody",
        ) from error


def misshapen(path: Path, found: object) -> InputError:
    """The refusal of JSON that is no keypoint file, with an error or words on what is wrong."""
    if isinstance(found, KeyError):
        found = f"{found} is missing"
    elif isinstance(found, (TypeError, AttributeError)):
        found = f"a list, a number or a text stands in another one's place ({found})"
    return InputError(
        f"{path} does not hold keypoints as gentri reads them: {found}",
        "write it as docs/formats.md shows; if it holds something else, take it out of the folder",
    )
