"""Rigs in a known world: exact, from as few cameras as fix it, and refused where they do not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gentri import synthetic
from gentri.data import FloatArray, Rig, Rigid3
from gentri.errors import InputError
from gentri.geometry.alignment import POSITIONS_GIVEN, Alignment, KnownPlaces, aligned_world
from gentri.geometry.comparison import rotation_angle
from gentri.geometry.projection import Views
from gentri.geometry.scale import Scale
from gentri.geometry.world import rig_in_world
from gentri.skeletons import COCO17

SIZE_PX = np.array([[1920, 1080]] * 4, dtype=np.int32)
UNIT = 0.2
TURN = Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix()


def scene(seed: int, rig: Rig | None = None) -> tuple[Rig, Views, FloatArray]:
    """The truth, and cameras and joints as a calibration gives them: turned, and in other units."""
    rng = np.random.default_rng(seed)
    ring = synthetic.random_ring(rng)
    rig = rig or ring
    xyz = synthetic.walk(rng, ticks=60).xyz[:, COCO17.body]
    views = Views(
        R=np.stack([c.cam_from_world.R @ TURN.T for c in rig.cameras]),
        t=UNIT * np.stack([c.cam_from_world.t for c in rig.cameras]),
        focal=np.array([c.K[0, 0] for c in rig.cameras]),
        center=np.stack([c.K[:2, 2] for c in rig.cameras]),
        k=np.zeros((len(rig.cameras), 2)),
    )
    return rig, views, UNIT * xyz @ TURN.T


def positions(rig: Rig, *names: str) -> dict[str, FloatArray]:
    return {c.name: c.center for c in rig.cameras if c.name in (names or rig.names)}


def placed(views: Views, fit: Alignment, rig: Rig) -> Rig:
    return rig_in_world(views, fit.world, rig.names, SIZE_PX[: len(rig.cameras)])


def assert_same(a: Rig, b: Rig, atol: float = 1e-9) -> None:
    for one, other in zip(a.cameras, b.cameras, strict=True):
        np.testing.assert_allclose(one.center, other.center, atol=atol)
        np.testing.assert_allclose(one.cam_from_world.R, other.cam_from_world.R, atol=atol)


@pytest.mark.parametrize("names", [(), ("cam0", "cam1", "cam3")])
def test_positions_of_three_cameras_fix_the_world(names: tuple[str, ...]) -> None:
    rig, views, xyz = scene(0)
    fit = aligned_world(views, rig.names, xyz, KnownPlaces.of(positions(rig, *names)), None)
    found = placed(views, fit, rig)
    assert_same(found, rig)
    assert found.world_source == found.scale_source == POSITIONS_GIVEN
    assert found.scale_sigma == pytest.approx(0.01)
    assert fit.rms_m == pytest.approx(0, abs=1e-9)
    assert fit.scale_ratio == pytest.approx(1)


def test_a_scale_that_is_known_otherwise_stays() -> None:
    rig, views, xyz = scene(1)
    scale = Scale(1.1 / UNIT, "stature given", 0.017)
    fit = aligned_world(views, rig.names, xyz, KnownPlaces.of(positions(rig)), scale)
    found = placed(views, fit, rig)
    assert (found.scale_source, found.scale_sigma) == ("stature given", 0.017)
    assert fit.scale_ratio == pytest.approx(1.1)
    middle = np.mean([c.center for c in rig.cameras], axis=0)
    for one, other in zip(found.cameras, rig.cameras, strict=True):
        np.testing.assert_allclose(one.center - middle, 1.1 * (other.center - middle), atol=1e-9)
        np.testing.assert_allclose(one.cam_from_world.R, other.cam_from_world.R, atol=1e-9)


def in_a_row(height: FloatArray) -> Rig:
    """Three cameras on one line, each at its height."""
    x = np.linspace(-3.0, 3.0, 3)
    center = np.stack([x, np.full(3, -5.0), height], axis=-1)
    ring = synthetic.camera_ring(3)
    poses = [synthetic.look_at(c, [0.0, 0.0, 0.9]) for c in center]
    cameras = zip(ring.cameras, poses, strict=True)
    return replace(ring, cameras=tuple(replace(c, cam_from_world=p) for c, p in cameras))


@pytest.mark.parametrize("names", [(), ("cam0", "cam2")])
def test_a_rig_fixes_the_world_even_by_cameras_on_a_line(names: tuple[str, ...]) -> None:
    rig, views, xyz = scene(2, in_a_row(np.full(3, 1.5)))
    known = rig.select(names or rig.names)
    fit = aligned_world(views, rig.names, xyz, KnownPlaces.of(known), None)
    assert_same(placed(views, fit, rig), rig)
    assert fit.world.scale_sigma == pytest.approx(0.0, abs=1e-9)  # as the rig says


def test_a_rig_of_unknown_unit_leaves_the_scale_uncertain() -> None:
    rig, views, xyz = scene(2)
    unsure = replace(rig, scale_sigma=float("nan"))
    fit = aligned_world(views, rig.names, xyz, KnownPlaces.of(unsure), None)
    assert np.isnan(fit.world.scale_sigma)


@pytest.mark.parametrize("names", [(), ("cam0", "cam2")])
def test_positions_on_a_line_need_up(names: tuple[str, ...]) -> None:
    """The person and level cameras tell it; the heading and the scale are exact then."""
    rig, views, xyz = scene(3, in_a_row(np.full(3, 1.5)))
    fit = aligned_world(views, rig.names, xyz, KnownPlaces.of(positions(rig, *names)), None)
    found = placed(views, fit, rig)
    for one, other in zip(found.cameras, rig.cameras, strict=True):
        turned = one.cam_from_world.R @ other.cam_from_world.R.T
        assert np.degrees(rotation_angle(turned)) < 1.0
        np.testing.assert_allclose(one.center, other.center, atol=0.03)


def test_places_that_fix_no_world_are_refused() -> None:
    rig, views, xyz = scene(4)
    known = positions(rig, "cam1")
    with pytest.raises(InputError, match="positions are known of: cam1; the cameras are cam0, "):
        aligned_world(views, rig.names, xyz, KnownPlaces.of(known), None)
    mast = synthetic.camera_ring(2)
    poses = [
        Rigid3(p.R, -p.R @ np.array([0.1, -5.0, z]))
        for p, z in zip([c.cam_from_world for c in mast.cameras], (1.0, 3.0), strict=True)
    ]
    above = zip(mast.cameras, poses, strict=True)
    mast = replace(mast, cameras=tuple(replace(c, cam_from_world=p) for c, p in above))
    rig, views, xyz = scene(4, mast)
    with pytest.raises(InputError, match="stand one above the other"):
        aligned_world(views, rig.names, xyz, KnownPlaces.of(positions(rig)), None)
    same = {name: np.zeros(3) for name in rig.names}
    with pytest.raises(InputError, match="one and the same"):
        aligned_world(views, rig.names, xyz, KnownPlaces.of(same), None)


def test_wrong_positions_show() -> None:
    rig, views, xyz = scene(5)
    known = positions(rig)
    known["cam2"] = known["cam2"] + [0.0, 0.0, 2.0]
    fit = aligned_world(views, rig.names, xyz, KnownPlaces.of(known), None)
    assert fit.rms_m > 0.3
    assert fit.tilt_deg < 45


@pytest.mark.parametrize("seed", range(4))
def test_mirrored_positions_show(seed: int) -> None:
    """The cameras are almost in one plane and fit either way, but the person is on the head."""
    rig, views, xyz = scene(seed)
    right = aligned_world(views, rig.names, xyz, KnownPlaces.of(positions(rig)), None)
    mirrored = {name: p * [1, -1, 1] for name, p in positions(rig).items()}
    wrong = aligned_world(views, rig.names, xyz, KnownPlaces.of(mirrored), None)
    assert right.tilt_deg < 5
    assert np.linalg.det(wrong.world.R) == pytest.approx(1)
    assert wrong.tilt_deg > 90 or wrong.rms_m > 0.05 * wrong.extent_m
