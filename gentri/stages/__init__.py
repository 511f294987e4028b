"""The table of contents of the program: every stage, in order."""

from gentri.pipeline.stage import Stage
from gentri.stages import calibrate, detect, export, frames, triangulate

STAGES: tuple[Stage, ...] = (
    frames.STAGE,
    detect.STAGE,
    calibrate.STAGE,
    triangulate.STAGE,
    export.STAGE,
)
