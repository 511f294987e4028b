import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from movies import add_items
from numbered import record

from gentri.media.images import probe_images
from gentri.media.lens_metadata import exif_tags, intrinsics_from_tags
from gentri.media.probe import probe_video
from gentri.media.quicktime import read_items

FOCAL = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
MODEL = "com.apple.quicktime.camera.lens_model"


def test_equivalent_focal_lengths_refer_to_the_diagonal() -> None:
    for size in ((1920, 1080), (1080, 1920)):
        lens = intrinsics_from_tags({FOCAL: "26"}, size)
        assert lens is not None
        assert lens.K[0, 0] == lens.K[1, 1] == pytest.approx(26 / 43.27 * 2202.9, rel=1e-4)
        assert lens.K[:2, 2].tolist() == [(size[0] - 1) / 2, (size[1] - 1) / 2]
        assert (lens.width, lens.height, lens.source) == (*size, "metadata")
        assert not lens.dist.any() and lens.focal_sigma == 0.10


def test_a_full_frame_camera_sees_what_its_lens_says() -> None:
    """36 mm behind 50 mm: by the definition of the equivalent, 39.6° across."""
    lens = intrinsics_from_tags({"FocalLengthIn35mmFilm": "50"}, (3600, 2400))
    assert lens is not None and lens.focal_sigma == 0.05
    angle = 2 * np.degrees(np.arctan(1800 / lens.K[0, 0]))
    assert angle == pytest.approx(39.6, abs=0.05)


# Board calibrations of iPhones at 1280×720, px, and the equivalents in the maker's data sheets.
@pytest.mark.parametrize(
    ("phone", "focal_px", "equivalent"),
    [("8", 1003.0, "28"), ("XR", 904.4, "26"), ("13", 937.5, "26"), ("15 Pro", 851.8, "24")],
)
def test_measured_phones_are_within_a_sigma(phone: str, focal_px: float, equivalent: str) -> None:
    lens = intrinsics_from_tags({FOCAL: equivalent}, (720, 1280))
    assert lens is not None
    assert abs(np.log(focal_px / lens.K[0, 0])) < lens.focal_sigma


@pytest.mark.parametrize("value", ["26", "26.0", "26.00mm", " 26 mm"])
def test_ways_to_write_it(value: str) -> None:
    lens = intrinsics_from_tags({FOCAL: value}, (1920, 1080))
    assert lens is not None and lens.K[0, 0] == pytest.approx(1323.6, abs=0.1)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {FOCAL: "0"},
        {FOCAL: "unknown"},
        {FOCAL: "99999"},
        {MODEL: "iPhone 13 back camera 5.1mm f/1.6"},
        {"FocalLength": "5.1"},  # of a sensor whose size is not known
        {"com.android.model": "35mm"},
    ],
)
def test_what_does_not_tell_the_focal_length(tags: dict[str, str]) -> None:
    assert intrinsics_from_tags(tags, (1920, 1080)) is None


def test_items_of_the_video_track_are_found(tmp_path: Path) -> None:
    movie = record(tmp_path / "a.mov", 5, audio=True)
    items = {MODEL: "back camera", FOCAL: 27, "com.example.scale": 1.5}
    add_items(movie, items, where="trak")
    found = read_items(movie)
    assert {key: found[key] for key in items} == {
        MODEL: "back camera",
        FOCAL: "27",
        "com.example.scale": "1.5",
    }
    clip = probe_video(movie)  # still a movie
    assert len(clip.pts) == 5 and clip.tags[FOCAL] == "27"


def test_items_of_the_file_are_found_and_those_of_the_track_win(tmp_path: Path) -> None:
    movie = record(tmp_path / "a.mov", 5)
    add_items(movie, {FOCAL: 26, MODEL: "file"}, where="moov")
    assert read_items(movie)[FOCAL] == "26"
    add_items(movie, {FOCAL: 51}, where="trak")
    assert (read_items(movie)[FOCAL], read_items(movie)[MODEL]) == ("51", "file")


def test_mp4_style_boxes_are_read_alike(tmp_path: Path) -> None:
    movie = record(tmp_path / "a.mp4", 5)
    add_items(movie, {FOCAL: 26}, where="trak", full_box=True)
    assert read_items(movie)[FOCAL] == "26"


def test_other_and_broken_files_have_no_items(tmp_path: Path) -> None:
    assert FOCAL not in read_items(record(tmp_path / "a.mkv", 5))
    movie = record(tmp_path / "a.mov", 5)
    add_items(movie, {FOCAL: 26, MODEL: "x" * 50}, where="trak")
    whole = movie.read_bytes()
    rng = np.random.default_rng(0)
    for length in rng.integers(0, len(whole), 40):
        movie.write_bytes(whole[:length])
        read_items(movie)
    for _ in range(200):
        noisy = bytearray(whole)
        for place in rng.integers(whole.index(b"moov") - 4, len(whole), 30):
            noisy[place] = rng.integers(256)
        movie.write_bytes(noisy)
        read_items(movie)


def test_pictures_tell_their_lens(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Model 1"
    exif.get_ifd(0x8769).update({0xA405: 28, 0x920A: 4.25, 0xA434: "wide"})
    Image.new("RGB", (400, 300)).save(tmp_path / "1.jpg", exif=exif)
    tags = probe_images(tmp_path, 25).tags
    assert tags == {
        "Make": "Maker",
        "Model": "Model 1",
        "LensModel": "wide",
        "FocalLength": "4.25",
        "FocalLengthIn35mmFilm": "28",
    }
    lens = intrinsics_from_tags(tags, (400, 300))
    assert lens is not None and lens.K[0, 0] == pytest.approx(28 / 43.27 * 500)


def test_pictures_without_exif(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "1.png")
    assert exif_tags(tmp_path / "1.png") == {}
    (tmp_path / "2.png").write_bytes(b"no picture")
    assert exif_tags(tmp_path / "2.png") == {}
