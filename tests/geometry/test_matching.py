"""Cameras of files and recordings, brought together by their names and pictures."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.errors import InputError
from gentri.geometry.cameras import project
from gentri.geometry.matching import (
    left_over,
    matched_names,
    matched_rig,
    require_some_matched,
    said_of_left_over,
)


@pytest.mark.parametrize(
    ("found", "cameras", "expected"),
    [
        (["b", "a"], ["a", "b"], {"a": "a", "b": "b"}),
        (["cam_01", "Cam2"], ["cam01", "cam02"], {"cam_01": "cam01", "Cam2": "cam02"}),
        (["cam1", "cam_1"], ["cam01"], {}),  # either could be meant
        (["cam1"], ["cam01", "cam_1"], {}),
        (["cam01", "cam_1"], ["cam01"], {"cam01": "cam01"}),
        (["left"], ["right"], {}),
        (["01", "2"], ["1", "02"], {"01": "1", "2": "02"}),
    ],
)
def test_names(found: list[str], cameras: list[str], expected: dict[str, str]) -> None:
    assert matched_names(found, cameras) == expected


def test_names_of_no_camera_are_said() -> None:
    """The lenses of a laboratory serve a recording in which one of its cameras failed."""
    found, cameras = ["cam0", "cam1", "cam9"], ["cam0", "cam1"]
    matched = require_some_matched(found, cameras, "lenses.toml")
    assert matched == {"cam0": "cam0", "cam1": "cam1"}
    others, without = left_over(found, cameras, matched)
    said = "lenses.toml names cam9: no camera here is called so"
    assert said_of_left_over("lenses.toml", "lens", others, without) == said
    assert left_over(["top", "a"], ["a", "b", "c"], {"a": "a"}) == (["top"], ["b", "c"])
    said = "world names top: no camera here is called so, and of b, c it has no position"
    assert said_of_left_over("world", "position", ["top"], ["b", "c"]) == said


def test_names_of_no_camera_are_refused_where_none_fits_or_one_nearly_does() -> None:
    assert require_some_matched(["b"], ["a", "b"], "lenses.toml") == {"b": "b"}
    assert require_some_matched([], ["a", "b"], "intrinsics") == {}
    with pytest.raises(InputError, match="there is no left, right\n") as refusal:
        require_some_matched(["left", "right"], ["a", "b"], "world", "call them otherwise")
    assert refusal.value.hint == "call them otherwise, or leave out what is not there"
    said = (
        r"lenses.toml names cam01, can02; the cameras are cam01, cam02: there is no can02; "
        r"did you mean cam02 by can02\?"
    )
    with pytest.raises(InputError, match=said):
        require_some_matched(["cam01", "can02"], ["cam01", "cam02"], "lenses.toml")


def test_a_rig_in_another_order_with_others_and_for_half_the_size() -> None:
    rig = synthetic.random_ring(np.random.default_rng(0), 4, dist=(-0.1, 0.02, 0.001, 0, 0))
    size = np.array([[960, 540]] * 3)
    found, renamed = matched_rig(rig, ("cam3", "CAM_00", "cam1"), size, "rig.toml")
    assert renamed == {"cam0": "CAM_00"}
    assert found.names == ("cam3", "CAM_00", "cam1")
    assert {(c.width, c.height) for c in found.cameras} == {(960, 540)}
    point = np.array([[0.2, -0.1, 1.3]])
    full = project(rig.cameras[3], point)
    np.testing.assert_allclose(project(found.cameras[0], point), (full + 0.5) / 2 - 0.5, atol=1e-9)
    assert (found.scale_source, found.scale_sigma) == (rig.scale_source, rig.scale_sigma)


def test_rigs_that_do_not_fit_are_refused() -> None:
    rig = synthetic.camera_ring(2)
    size = np.array([[1920, 1080]] * 2)
    said = "Calib.toml has no left, right: it names cam0, cam1; the cameras are left, right"
    with pytest.raises(InputError, match=said):
        matched_rig(rig, ("left", "right"), size, "Calib.toml")
    with pytest.raises(InputError, match="has no cam2: it names cam0, cam1"):
        matched_rig(rig, ("cam0", "cam1", "cam2"), np.array([[1920, 1080]] * 3), "Calib.toml")
    upright = size[:, ::-1]
    with pytest.raises(InputError, match="cam0 are for 1920×1080 pixels; its pictures have 1080×"):
        matched_rig(rig, rig.names, upright, "Calib.toml")
    turned = replace(rig, cameras=rig.cameras[::-1])
    assert matched_rig(turned, rig.names, size, "Calib.toml")[0].names == rig.names
