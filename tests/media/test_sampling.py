from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gentri.media.clip import Clip, fit, mean_fps
from gentri.media.sampling import Sampling, plan_chunks


def clip(pts: np.ndarray, keyframes: np.ndarray, **changes: object) -> Clip:
    plain = Clip(
        path=Path("/a.mp4"),
        images=(),
        container="mp4",
        codec="h264",
        stream=0,
        size_px=(1920, 1080),
        rotation_deg=0,
        time_base=Fraction(1, 1000),
        start=Fraction(0),
        pts=pts,
        keyframes=keyframes,
        stamped=True,
        promised_s=0.0,
        found_s=0.0,
        audio_start_s=None,
        tags={},
    )
    return replace(plain, **changes)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "sampling", [Sampling(None, 0, None), Sampling(7.3, 0, None), Sampling(None, 1.5, 9.0)]
)
def test_chunks_cover_every_wanted_frame_once(seed: int, sampling: Sampling) -> None:
    rng = np.random.default_rng(seed)
    pts = np.cumsum(rng.integers(1, 50, 1000))
    keys = pts[np.sort(rng.choice(1000, 60, replace=False))]
    footage = clip(pts, keys)
    chunks = plan_chunks(footage, sampling, 30)
    assert len(chunks) > 3
    np.testing.assert_array_equal(
        np.concatenate([c.pts for c in chunks]), pts[sampling.keep(footage.time_s)]
    )
    for earlier, later in pairwise(chunks):
        assert earlier.end == later.begin == later.seek
    for chunk in chunks:
        assert chunk.begin is None or chunk.seek is None or chunk.seek <= chunk.begin
        assert chunk.begin is None or chunk.begin <= chunk.pts[0]
        assert chunk.end is None or chunk.pts[-1] < chunk.end


def test_a_clip_with_one_key_frame_is_one_chunk() -> None:
    pts = np.arange(5000) * 20
    assert len(plan_chunks(clip(pts, pts[:1]), Sampling(None, 0, None))) == 1


def test_guessed_stamps_are_not_sought() -> None:
    pts = np.arange(5000) * 20
    (chunk,) = plan_chunks(clip(pts, pts[::10], stamped=False), Sampling(None, 2.0, 5.0))
    assert (chunk.seek, chunk.begin, chunk.end, len(chunk.pts)) == (None, None, None, 150)


def test_a_range_outside_has_no_chunks() -> None:
    pts = np.arange(100) * 20
    assert plan_chunks(clip(pts, pts[::10]), Sampling(None, 2.0, None)) == ()


def test_each_tick_keeps_its_nearest_frame() -> None:
    time_s = np.array([0.0, 0.04, 0.11, 0.19, 0.5, 0.52])
    kept = Sampling(10.0, 0, None).keep(time_s)
    # Ticks 0, 0.1, 0.2, 0.3 (nearest 0.19), 0.4 (0.5), 0.5.
    assert kept.tolist() == [True, False, True, True, True, False]


def test_the_clock_is_exact_after_hours() -> None:
    hours = np.arange(3) * 1001 + 10**9
    footage = clip(hours, hours, time_base=Fraction(1, 30000), start=Fraction(10**9, 30000))
    assert footage.time_s.tolist() == [0.0, 1001 / 30000, 2002 / 30000]


def test_fit_and_rate() -> None:
    assert fit((3840, 2160), 1920) == (1920, 1080)
    assert fit((1080, 1920), 1920) == (1080, 1920)
    assert fit((101, 51), 50) == (50, 25)
    assert fit((3840, 2160), None) == (3840, 2160)
    assert mean_fps(np.array([0.0, 0.1, 0.2])) == pytest.approx(10)
    assert np.isnan(mean_fps(np.array([1.0])))
