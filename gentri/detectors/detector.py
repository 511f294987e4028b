"""What a 2D detector is, and the one place that makes them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.errors import UsageError
from gentri.skeletons import COCO17, HALPE26, WHOLEBODY133, Skeleton

if TYPE_CHECKING:
    from gentri.detectors.crops import Image

ModelName = Literal[
    "movenet",
    "rtmpose-t",
    "rtmpose-s",
    "rtmpose-m",
    "rtmpose-l",
    "rtmpose-t-body26",
    "rtmpose-s-body26",
    "rtmpose-m-body26",
    "rtmpose-l-body26",
    "rtmpose-m-wholebody",
    "rtmpose-l-wholebody",
]


@dataclass(frozen=True, eq=False)
class People:
    """Everyone in one frame, best box first.

    Attributes:
        xy_px: (N, J, 2) float32, frame pixels.
        score: (N, J) float32, 0–1.
        box_px: (N, 4) float32, x0 y0 x1 y1.
        box_score: (N,) float32, 0–1.
    """

    xy_px: FloatArray
    score: FloatArray
    box_px: FloatArray
    box_score: FloatArray

    def select(self, people: NDArray[Any]) -> "People":
        """Some of the people: positions, or a mask (N,)."""
        return People(
            self.xy_px[people], self.score[people], self.box_px[people], self.box_score[people]
        )

    def resized(self, ratio: FloatArray) -> "People":
        """The same people in the frame resized by `ratio` (2,), x and y."""
        ratio = ratio.astype(np.float32)
        xy = (self.xy_px + 0.5) * ratio - 0.5
        box = (self.box_px + 0.5) * np.tile(ratio, 2) - 0.5
        return People(xy.astype(np.float32), self.score, box.astype(np.float32), self.box_score)


class Detector(Protocol):
    """Finds people and their joints in frames.

    Attributes:
        skeleton: of the joints.
        network_seconds: time spent inside the networks so far, the mean of the threads that run
            them.
    """

    skeleton: Skeleton

    @property
    def network_seconds(self) -> float: ...  # noqa: D102

    def detect(self, frames: Iterable[Path], read: Callable[[Path], "Image"]) -> Iterator[People]:
        """The people of each frame, in order; none is an answer.

        Args:
            frames: image files of one size.
            read: called in helper threads while the networks run on earlier frames.
        """
        ...


@dataclass(frozen=True)
class Model:
    """A detector's parts by name.

    Attributes:
        skeleton: of its joints.
        finder: weight file of the person finder.
        pose: weight file of the pose network.
    """

    skeleton: Skeleton
    finder: str
    pose: str

    @property
    def weights(self) -> tuple[str, str]:
        """Names of the weight files that it needs."""
        return self.finder, self.pose


def model(name: str) -> Model:
    """The parts of a detector.

    Raises:
        UsageError: no such model.
    """
    if name not in get_args(ModelName):
        raise UsageError(
            f"no detector is named {name!r}", f"known: {', '.join(get_args(ModelName))}"
        )
    if name == "movenet":
        return Model(COCO17, "movenet-multipose", "movenet-thunder")
    size, _, joints = name.removeprefix("rtmpose-").partition("-")
    skeleton = {"": COCO17, "body26": HALPE26, "wholebody": WHOLEBODY133}[joints]
    return Model(skeleton, "rtmdet-nano" if size in "ts" else "rtmdet-m", name)


def load_detector(
    name: str,
    device: str = "auto",
    *,
    box_score_min: float,
    people_max: int,
    batch_size: int = 0,
    workers: int = 0,
    locate: Callable[[str], Path] | None = None,
) -> Detector:
    """Load a detector's networks.

    Args:
        name: one of `ModelName`.
        device: "auto", "cpu", "cuda" or "mps".
        box_score_min: people whose box scores less are ignored.
        people_max: the best boxes kept in a frame.
        batch_size: images per network call; 0 chooses.
        workers: helper threads that decode and crop; 0 chooses.
        locate: path of a weight file by name; the store's when None.

    Raises:
        UsageError: no such model, or the device is not there.
        WeightsError: weights are absent or damaged; says where they come from and belong.
    """
    from gentri.detectors.topdown import TopDownDetector, load_parts
    from gentri.weights import store

    finder, pose = load_parts(name, model(name), device, locate or store.locate)
    return TopDownDetector(
        model(name).skeleton,
        finder,
        pose,
        box_score_min=box_score_min,
        people_max=people_max,
        batch_size=batch_size,
        workers=workers,
    )
