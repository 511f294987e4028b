"""What calibrate refuses before anything runs: names, and files from elsewhere."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gentri.errors import UsageError, or_without
from gentri.stages.calibrate_inputs import lenses_in, named_subject, places_in, scale_reference
from gentri.stages.calibrate_takes import check_takes

if TYPE_CHECKING:
    from gentri.pipeline.session import Session
    from gentri.pipeline.stage import Runtime

# Width and height for files that leave them out: the true ones are known once the frames are there,
# and nothing that is checked here depends on them.
_ANY_SIZE = (1920, 1080)


def check(session: "Session", params: Any, _runtime: "Runtime") -> None:
    """Read every file that was given, and compare names with the session's cameras.

    Raises:
        InputError: a file cannot serve.
        SessionError: a take is no session.
        UsageError: a setting names no camera.
    """
    from gentri.geometry.matching import require_all_found
    from gentri.rigs.formats import read_rig, renaming

    given, cameras = session.given, tuple(session.sources)
    _check_names(params, cameras)
    sizes = dict.fromkeys(cameras, _ANY_SIZE)
    if given.rig:
        with or_without("--rig none"):
            names = read_rig(given.rig, sizes).names
            require_all_found(names, cameras, str(given.rig), renaming(given.rig))
    if given.intrinsics:
        lenses_in(given.intrinsics, sizes)
    if given.world:
        places_in(given.world, sizes)
    with or_without("--take none"):
        check_takes(session)


def _check_names(params: Any, cameras: Sequence[str]) -> None:
    from gentri.geometry.matching import matched_names
    from gentri.geometry.scale import CameraDistance

    reference = scale_reference(params)
    named = {
        "subject": (named_subject(params.subject, cameras), "[]"),
        "camera_distance": (
            reference.cameras if isinstance(reference, CameraDistance) else (),
            "none",
        ),
    }
    for setting, (names, nothing) in named.items():
        matched = matched_names(tuple(names), cameras)
        for name in names:
            if name not in matched:
                with or_without(f"--set calibrate.{setting}={nothing}"):
                    raise UsageError.unknown(f"camera in calibrate.{setting}", name, cameras)
