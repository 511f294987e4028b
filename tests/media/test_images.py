import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from numbered import draw, read

from gentri.errors import InputError
from gentri.media.clip import Picture
from gentri.media.images import probe_images, store_image


def write_images(folder: Path, names: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        image = cv2.cvtColor(draw(number), cv2.COLOR_RGB2BGR)
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, image)[1].tobytes())


def test_natural_order_and_frame_rate(tmp_path: Path) -> None:
    names = ["f1.png", "f2.tif", "f10.bmp", "F11.JPG", "f100.jpeg"]
    write_images(tmp_path / "a", names)
    (tmp_path / "a" / ".hidden.png").touch()
    clip = probe_images(tmp_path / "a", 29.97)
    assert [p.name for p in clip.images] == names
    assert clip.size_px == (80, 48)
    np.testing.assert_allclose(clip.time_s, np.arange(5) / 29.97, atol=1e-12)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".jpg"])
def test_stored_smaller_with_the_same_content(tmp_path: Path, suffix: str) -> None:
    write_images(tmp_path / "a %d", [f"é 'x'%d {n}{suffix}" for n in range(6)])
    clip = probe_images(tmp_path / "a %d", 25)
    for number, path in enumerate(clip.images):
        store_image(path, clip.size_px, Picture((60, 36), 90), tmp_path / "out.jpg")
        assert read(tmp_path / "out.jpg") == number
        assert cv2.imread(str(tmp_path / "out.jpg")).shape == (36, 60, 3)


def test_sixteen_bits_and_grey(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.tif"), np.full((48, 80), 40000, dtype=np.uint16))
    clip = probe_images(folder, 25)
    store_image(clip.images[0], clip.size_px, Picture((80, 48), 90), tmp_path / "out.jpg")
    assert abs(int(cv2.imread(str(tmp_path / "out.jpg")).mean()) - 40000 // 256) <= 1


def test_the_cameras_rotation_is_applied(tmp_path: Path) -> None:
    write_images(tmp_path / "a", ["a.jpg"])
    data = (tmp_path / "a" / "a.jpg").read_bytes()
    orientation_6 = bytes.fromhex("4d4d002a00000008000101120003000000010006000000000000")
    exif = b"Exif\0\0" + orientation_6
    tagged = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    (tmp_path / "a" / "a.jpg").write_bytes(tagged)
    assert probe_images(tmp_path / "a", 25).size_px == (48, 80)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        probe_images(tmp_path, 25)
    write_images(tmp_path, ["1.png", "2.png"])
    with pytest.raises(InputError, match="do not tell their frame rate") as caught:
        probe_images(tmp_path, None)
    assert "frames.image_fps" in caught.value.hint
    with pytest.raises(InputError, match=r"2\.png is 80×48 px, but .* 64×48 px"):
        store_image(tmp_path / "2.png", (64, 48), Picture((64, 48), 90), tmp_path / "out.jpg")
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1\.png is not a picture"):
        probe_images(tmp_path, 25)
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"1\.png is not a picture .*0 bytes"):
        probe_images(tmp_path, 25)
