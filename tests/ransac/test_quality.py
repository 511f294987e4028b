import numpy as np
import pytest

from gentri.data import Poses3D, median_measured
from gentri.ransac.quality import limb_length_variation, reprojection_mrad
from gentri.skeletons import COCO17, HALPE26
from gentri.synthetic import camera_ring, walk


def test_a_rigid_body_does_not_vary():
    xyz = walk(np.random.default_rng(0), 50).xyz[:, None]
    assert limb_length_variation(xyz, COCO17) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_variation_is_relative_and_the_robust_one_ignores_a_few_outliers():
    rng = np.random.default_rng(0)
    size = 1 + 0.05 * rng.normal(size=(4000, 1, 1, 1))
    xyz = walk(rng, 1).xyz[:, None] * size
    plain, robust = limb_length_variation(xyz, COCO17)
    assert plain == pytest.approx(0.05, rel=0.05)
    assert robust == pytest.approx(0.05, rel=0.05)
    xyz[::20] *= 3
    plain, robust = limb_length_variation(xyz, COCO17)
    assert plain > 0.3
    assert robust == pytest.approx(0.05, rel=0.15)


def test_gaps_are_skipped_and_people_counted_apart():
    rng = np.random.default_rng(0)
    xyz = np.stack([walk(rng, 20, stature_m=s).xyz for s in (1.5, 2.0)], axis=1)
    xyz[3, 0] = np.nan
    xyz[:, 1, COCO17.index("left_wrist")] = np.nan
    assert limb_length_variation(xyz, COCO17) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert np.isnan(limb_length_variation(xyz * np.nan, COCO17)).all()


def test_limbs_are_found_by_name_in_other_skeletons():
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(30, 1, len(HALPE26), 3)) * 10
    xyz[:, :, [HALPE26.index(j) for j in COCO17.joints]] = walk(rng, 30).xyz[:, None]
    assert limb_length_variation(xyz, HALPE26) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_angles_use_the_focals_of_the_used_views():
    shape = (1, 1, 17)
    used = np.zeros((*shape, 3), dtype=bool)
    used[..., :2] = True
    used[0, 0, 5] = False
    reproj = np.full(shape, 3.0, dtype=np.float32)
    reproj[0, 0, 5] = np.nan
    poses = Poses3D(
        np.zeros((*shape, 3), np.float32),
        np.ones(shape, np.float32),
        reproj,
        used,
        np.full(shape, np.nan, np.float32),
        np.zeros(1),
        ("cam0", "cam1", "cam2"),
        COCO17,
    )
    mrad = reprojection_mrad(poses, camera_ring(3, focal_px=(1000.0, 2000.0, 9999.0)))
    assert mrad[0, 0, 0] == pytest.approx(2.0)
    assert np.isnan(mrad[0, 0, 5])
    assert median_measured(mrad) == pytest.approx(2.0)
