"""The protocols of the 2022 paper, so that its figures can be compared.

Bartol, Bojanić, Petković and Pribanić, "Generalizable Human Pose Triangulation", CVPR 2022. Three
questions are asked of a trained scorer:

- base: trained and tested on one dataset and one set of cameras;
- intra: tested on another set of cameras of the dataset that it was trained on;
- inter: tested on another dataset.
"""

from dataclasses import dataclass
from typing import Literal

# Numbers of cameras: of Panoptic the HD camera 00_NN, of Human3.6M the place in `human36m.CAMERAS`.
CAMERA_SETS: dict[str, tuple[int, ...]] = {
    "CMU1": (1, 2, 3, 4, 6, 7, 10),
    "CMU2": (12, 16, 18, 19, 22, 23, 30),
    "CMU3": (10, 12, 16, 18),
    "CMU4": (6, 7, 10, 12, 16, 18, 19, 22, 23, 30),
    "H36M": (0, 1, 2, 3),
}

# Human3.6M: the two subjects to test on, as everywhere in the literature.
TEST_SUBJECTS = ("S9", "S11")

Question = Literal["base", "intra", "inter"]


@dataclass(frozen=True)
class Published:
    """A figure of the paper.

    Attributes:
        question: which of the three.
        trained_on, tested_on: datasets.
        mpjpe_mm: mean per-joint position error.
    """

    question: Question
    trained_on: str
    tested_on: str
    mpjpe_mm: float


PUBLISHED = (
    Published("base", "Human3.6M", "Human3.6M", 29.1),
    Published("intra", "CMU Panoptic", "CMU Panoptic", 25.6),
    Published("inter", "CMU Panoptic", "Human3.6M", 31.0),
)


def question(
    trained_on: str, trained_cameras: str, tested_on: str, tested_cameras: str
) -> Question:
    """Which question a test asks, by datasets and names of camera sets."""
    if trained_on != tested_on:
        return "inter"
    return "base" if trained_cameras == tested_cameras else "intra"
