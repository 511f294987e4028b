"""What of a rig is free when it is adjusted again, and what came out."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.trust.evidence import Evidence

POSE = 6  # parameters of a station: rotation, translation


@dataclass(frozen=True, eq=False)
class Model:
    """What is free.

    Attributes:
        station: (C, F) index of the pose that a camera has at a moment.
        clock: (C, F) index of the clock that a camera has at a moment; negative: right.
        focal: (C,) index of the focal scale of a camera; negative: held.
        sigma_log_focal: (G,) prior of the focal scales.
    """

    station: NDArray[np.int64]
    clock: NDArray[np.int64]
    focal: NDArray[np.int64]
    sigma_log_focal: FloatArray = field(default_factory=lambda: np.zeros(0))

    @property
    def stations(self) -> int:
        """Number of poses."""
        return int(self.station.max()) + 1

    @property
    def clocks(self) -> int:
        """Number of clocks."""
        return int(self.clock.max()) + 1

    @property
    def scales(self) -> int:
        """Number of focal scales."""
        return int(self.focal.max()) + 1

    @property
    def parameters(self) -> int:
        """Number of parameters P: poses, then focal scales, then clocks."""
        return POSE * self.stations + self.scales + self.clocks


def plain(seen: Evidence) -> Model:
    """Cameras that stay and clocks that are right, with the focal lengths held."""
    cameras, frames = seen.xy.shape[:2]
    station = np.repeat(np.arange(cameras)[:, None], frames, axis=1)
    return Model(station, np.full((cameras, frames), -1), np.full(cameras, -1))


@dataclass(frozen=True, eq=False)
class Fit:
    """An adjusted model.

    Attributes:
        R: (S, 3, 3), t: (S, 3), of the stations.
        log_scale: of the focal lengths, (G,).
        shift_s: (K,) how much later a clock's camera has to be read.
        xyz: (F, 12, 3); finite where two views see the joint.
        cost: mean robust cost of an observed coordinate pair.
    """

    R: FloatArray
    t: FloatArray
    log_scale: FloatArray
    shift_s: FloatArray
    xyz: FloatArray
    cost: float
