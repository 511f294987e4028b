"""Positions of cameras, by hand or out of a rig."""

from pathlib import Path

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Rig
from gentri.errors import InputError
from gentri.rigs import native, pose2sim
from gentri.rigs.places import read_places


def test_positions_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "world.toml"
    file.write_text('[cam01]\nposition_m = [1, 2.5, 1.6]\n["b c"]\nposition_m = [0, 0, 2]\n')
    places = read_places(file)
    assert isinstance(places, dict)
    assert {name: p.tolist() for name, p in places.items()} == {
        "cam01": [1.0, 2.5, 1.6],
        "b c": [0.0, 0.0, 2.0],
    }


def test_any_rig(tmp_path: Path) -> None:
    rig = synthetic.camera_ring(3)
    for write, name in ((native.write, "rig.toml"), (pose2sim.write, "Calib.toml")):
        write(rig, tmp_path / name)
        places = read_places(tmp_path / name)
        assert isinstance(places, Rig)
        np.testing.assert_allclose(places.cameras[1].center, rig.cameras[1].center, atol=1e-6)


def test_positions_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "world.toml"
    file.write_text("[a]\nposition_m = [1, 2]\n")
    with pytest.raises(InputError, match=r"camera 'a'.*position_m has the shape \(2,\)"):
        read_places(file)
    file.write_text("[a]\nposition_m = [1, 2, 3]\n[b]\nposition = [1, 2, 3]\n")
    with pytest.raises(InputError, match=r"camera 'b'.*'position_m' is missing") as refusal:
        read_places(file)
    assert "position_m = [x, y, z]" in refusal.value.hint
    file.write_text("[a]\nposition = [1, 2, 3]\n")
    with pytest.raises(InputError, match=r"camera 'a'.*'position_m' is missing"):
        read_places(file)
    with pytest.raises(InputError, match="does not exist"):
        read_places(tmp_path / "absent.toml")
