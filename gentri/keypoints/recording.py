"""What the keypoint files of one camera say, one row per person, so that no slot is empty."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.data.arrays import check_array


@dataclass(frozen=True, eq=False)
class Recording:
    """Everyone whom the files of one camera name.

    Attributes:
        number: (T,) int64, ascending frame numbers, the same clock in every camera.
        count: (T,) int32, people in each frame.
        xy_px: (N, J, 2) float32, N the sum of `count`; NaN where not seen.
        score: (N, J) float32, 0–1; NaN where not seen.
        box_px: (N, 4) float32, x0 y0 x1 y1.
        track: (N,) int32, identity within the camera; −1 where the files tell none.
        joints: names in the order of J, as the files tell them; empty where they do not.
        skeleton: name of gentri's joint set, empty while it is not known.
        time_s: (T,) float64; empty where the files tell none.
        size_px: (2,) int32, width and height of the video; zero where the files tell none.
        said_of_scores: what was done to the files' scores to have these; "" where nothing was.
    """

    number: NDArray[np.int64]
    count: NDArray[np.int32]
    xy_px: FloatArray
    score: FloatArray
    box_px: FloatArray
    track: NDArray[np.int32]
    joints: tuple[str, ...]
    skeleton: str
    time_s: FloatArray
    size_px: NDArray[np.int32]
    said_of_scores: str

    def __post_init__(self) -> None:
        t, (n, j) = len(self.number), self.score.shape
        check_array("Recording", "number", self.number, (t,), "int64")
        check_array("Recording", "count", self.count, (t,), "int32")
        check_array("Recording", "xy_px", self.xy_px, (n, j, 2), "float32")
        check_array("Recording", "score", self.score, (n, j), "float32")
        check_array("Recording", "box_px", self.box_px, (n, 4), "float32")
        check_array("Recording", "track", self.track, (n,), "int32")
        check_array("Recording", "time_s", self.time_s, (None,), "float64")
        check_array("Recording", "size_px", self.size_px, (2,), "int32")

    def select(self, frames: NDArray[np.bool_]) -> "Recording":
        """Some of the frames, by a mask (T,)."""
        rows = np.repeat(frames, self.count)
        return replace(
            self,
            number=self.number[frames],
            count=self.count[frames],
            xy_px=self.xy_px[rows],
            score=self.score[rows],
            box_px=self.box_px[rows],
            track=self.track[rows],
            time_s=self.time_s[frames] if len(self.time_s) else self.time_s,
        )

    def frames(self) -> Iterator[tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int32]]]:
        """Joints (P, J, 2), scores (P, J), boxes (P, 4) and tracks (P,) of each frame."""
        cuts = np.cumsum(self.count)[:-1]
        columns = (self.xy_px, self.score, self.box_px, self.track)
        yield from zip(*(np.split(column, cuts) for column in columns), strict=True)

    def save(self, path: Path) -> None:
        """Write an npz to exactly this path."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        values["joints"] = np.array(self.joints, dtype=np.str_)
        for name in ("skeleton", "said_of_scores"):
            values[name] = np.array(values[name])
        with path.open("wb") as file:
            np.savez(file, **values)

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as z:
            values: dict[str, Any] = {field.name: z[field.name] for field in fields(cls)}
        values["joints"] = tuple(str(name) for name in values["joints"])
        for name in ("skeleton", "said_of_scores"):
            values[name] = str(values[name])
        return cls(**values)


class StoredRecordings(Mapping[str, Recording]):
    """Recordings in their files, by camera; each is read when it is looked at, and not kept.

    Args:
        files: camera name → its npz.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def __getitem__(self, camera: str) -> Recording:
        return Recording.load(self._files[camera])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
