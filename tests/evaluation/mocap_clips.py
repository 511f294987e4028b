"""People to test on: the clips of the examples whose subjects are kept out of training."""

from functools import cache
from pathlib import Path

from gentri.evaluation.synthetic import chosen_clips
from gentri.synthetic import Clip, read_clips

CLIPS = Path(__file__).parents[2] / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"


@cache
def clips() -> tuple[Clip, ...]:
    return chosen_clips(read_clips(CLIPS))[0]
