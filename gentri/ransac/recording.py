"""A recording of people, handed out in chunks: memory does not grow with its length."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gentri.data import FloatArray, Rig
from gentri.ransac.hypotheses import MAX_SUBSETS
from gentri.ransac.views import Views, gather_views, person_size, working_dtype
from gentri.skeletons import Skeleton

# Residuals (skeletons × joints × subsets × cameras) held at once: some 100 MB of temporaries, and
# less than that where fewer fit into the caches of a processor better.
CHUNK_RESIDUALS = 1 << 19
CHUNK_SKELETONS = 96


@dataclass(frozen=True, eq=False)
class Recording:
    """Detections of people that are matched across views, and the cameras that made them.

    Attributes:
        rig: C cameras, at least two.
        xy_px: (C, T, P, J, 2) distorted pixels, NaN where not seen.
        confidence: (C, T, P, J) detector scores, NaN or 0 where not seen.
        time_s: (T,) increasing.
        skeleton: J joints.
        device: torch device.
    """

    rig: Rig
    xy_px: FloatArray
    confidence: FloatArray
    time_s: FloatArray
    skeleton: Skeleton
    device: str = "cpu"

    @property
    def ticks(self) -> int:
        """T."""
        return self.xy_px.shape[1]

    @property
    def people(self) -> int:
        """P."""
        return self.xy_px.shape[2]

    @cached_property
    def size(self) -> FloatArray:
        """Of the people in each view, (C, T, P); see `person_size`."""
        return person_size(self.rig, self.xy_px)

    @cached_property
    def usual_confidence(self) -> float:
        """Median score of what was detected; 1 where nothing was."""
        scored = self.confidence[np.nan_to_num(self.confidence) > 0]
        return float(np.median(scored)) if len(scored) else 1.0

    def chunks(self) -> Iterator[tuple[slice, Views]]:
        """Consecutive skeletons: a slice of all T · P, ticks first, and what is seen of them."""
        cameras, ticks, people, joints, _ = self.xy_px.shape
        per_tick = people * joints * cameras * min(MAX_SUBSETS, 2**cameras)
        step = max(1, min(CHUNK_RESIDUALS // per_tick, CHUNK_SKELETONS // people))
        for start in range(0, ticks, step):
            part = slice(start, min(start + step, ticks))
            yield slice(part.start * people, part.stop * people), self._views(part)

    def time(self) -> Tensor:
        """`time_s` on the device."""
        device = torch.device(self.device)
        return torch.from_numpy(self.time_s).to(working_dtype(device)).to(device)

    def _views(self, part: slice) -> Views:
        cameras, joints = len(self.rig.cameras), len(self.skeleton)
        xy = self.xy_px[:, part].reshape(cameras, -1, joints, 2)
        return gather_views(
            self.rig,
            xy,
            self.confidence[:, part].reshape(xy.shape[:-1]),
            self.size[:, part].reshape(cameras, -1),
            torch.device(self.device),
        )
