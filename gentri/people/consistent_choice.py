"""One candidate per camera out of several: the set that is best by itself and agrees best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray

# Agreement between views outweighs how long a track is.
_AGREEMENT_WEIGHT = 2.0
_MAX_CLIMB = 10  # rounds over all cameras


@dataclass(frozen=True, eq=False)
class Choice:
    """One candidate per camera, judged by its merit and its agreement with those of other cameras.

    Attributes:
        merit: for each camera (candidates,).
        agreement: for each ordered pair of cameras that are compared (candidates, candidates).
    """

    merit: Sequence[FloatArray]
    agreement: Mapping[tuple[int, int], FloatArray]

    def gain(self, camera: int, candidate: int, picked: Sequence[int]) -> float:
        """What a candidate is worth, given those picked in the other cameras."""
        others = [d for c, d in self.agreement if c == camera]
        agreed = sum(float(self.agreement[camera, d][candidate, picked[d]]) for d in others)
        return self.merit[camera][candidate] + _AGREEMENT_WEIGHT * agreed / len(others)

    def climb(self, start: Sequence[int]) -> tuple[float, list[int]]:
        """Total gain and picks of the local maximum above a start (iterated conditional modes).

        Besag, "On the Statistical Analysis of Dirty Pictures", 1986, §2.5.
        """
        picked = list(start)
        for _ in range(_MAX_CLIMB):
            before = list(picked)
            for c, merit in enumerate(self.merit):
                picked[c] = int(np.argmax([self.gain(c, i, picked) for i in range(len(merit))]))
            if picked == before:
                break
        return sum(self.gain(c, i, picked) for c, i in enumerate(picked)), picked

    def best(self) -> list[int]:
        """The picks of the greatest total gain, climbing from every candidate."""
        alone = [int(m.argmax()) for m in self.merit]
        starts = [
            [i if d == c else pick for d, pick in enumerate(alone)]
            for c, merit in enumerate(self.merit)
            for i in range(len(merit))
        ]
        return max((self.climb(start) for start in starts), key=lambda found: found[0])[1]
