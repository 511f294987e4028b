"""Which lens model the images call for."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import FloatArray, Intrinsics, Rig
from gentri.geometry.adjustment_problem import Priors
from gentri.geometry.bundle import Adjusted
from gentri.geometry.known_lenses import KnownLenses, known_lenses
from gentri.geometry.lens import PLAIN, Lens, camera_models, lens_priors, warm_up
from gentri.geometry.lens_choice import allowed_lenses, choose_lens, log_odds, restrictions
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.projection import CAMERA_PARAMS, CENTER, K1, K2, LOG_FOCAL, Views
from gentri.geometry.reprojection import structure
from gentri.geometry.sample import Sample, choose_sample

OPTIONS = CalibrationOptions(
    frames=40,
    focal_prior=1.2,
    focal_sigma=0.3,
    focal_sharing="auto",
    distortion_sigma=0.1,
    center_sigma=0.01,
    bone_sigma=0.05,
    seed=0,
)
CAMERAS = 3
# Of one model, cropped a little differently: the priors of their focal lengths differ in pixels.
SIZE = np.array([[1920, 1080], [1920, 1088], [1920, 1104]])
UNIT = SIZE[:, 1].mean()


def empty_sample(lenses: KnownLenses) -> Sample:
    """Cameras without any detections."""
    count, none = len(lenses.size_px), np.zeros(0, dtype=np.int64)
    names = tuple(f"cam{c}" for c in range(count))
    seen = np.zeros((count, 0, 12))
    return Sample(names, lenses, none, none, none + 0.0, np.zeros((count, 0, 12, 2)), seen, seen)


def sample_of(size: np.ndarray = SIZE, known: dict[str, Intrinsics] | None = None) -> Sample:
    names = tuple(f"cam{c}" for c in range(len(size)))
    return empty_sample(known_lenses(names, size, known or {}))


# A problem whose evidence is known: the shared parameters are Gaussian before, the data are a
# linear map of them with Gaussian noise, and so everything is Gaussian after.

RICH = Lens(shared=False, radial=2, shifted=True)
LOCAL = (LOG_FOCAL, CENTER.start, CENTER.start + 1, K1, K2)


class LinearGaussian:
    """Data y = M x + noise of unit variance, of lens parameters x with the priors of a rich model.

    x holds the logarithm of each focal length over `UNIT`, the shifts of the principal point, k1
    and k2 of each camera in turn, and three other parameters (poses) with a vague prior.
    """

    def __init__(self, seed: int, priors: Priors) -> None:
        rng = np.random.default_rng(seed)
        self.columns = np.full((CAMERAS, CAMERA_PARAMS), -1)
        self.columns[:, LOCAL] = np.arange(CAMERAS * len(LOCAL)).reshape(CAMERAS, -1)
        self.columns[0, 0:3] = CAMERAS * len(LOCAL) + np.arange(3)
        size = CAMERAS * len(LOCAL) + 3
        self.mean, self.sigma = np.zeros(size), np.full(size, 30.0)
        for local, sigma in (
            (LOG_FOCAL, priors.sigma_log_focal),
            (CENTER.start, priors.sigma_center_px),
            (CENTER.start + 1, priors.sigma_center_px),
            (K1, priors.sigma_k1),
            (K2, priors.sigma_k2),
        ):
            self.sigma[self.columns[:, local]] = sigma
        self.mean[self.columns[:, LOG_FOCAL]] = priors.log_focal - np.log(UNIT)
        self.M = rng.normal(size=(2 * size, size)) / self.sigma * rng.uniform(1, 4, size)
        x = self.mean + self.sigma * rng.normal(size=size)
        self.y = self.M @ x + rng.normal(size=2 * size)

    def after(self) -> tuple[FloatArray, FloatArray]:
        """Mean (P,) and covariance (P, P) of the parameters given the data."""
        covariance = np.linalg.inv(self.M.T @ self.M + np.diag(self.sigma**-2))
        return covariance @ (self.M.T @ self.y + self.mean / self.sigma**2), covariance

    def log_evidence(self, held: FloatArray | None = None) -> float:
        """Log density of the data, with held @ x = 0 before they were seen, (N, P)."""
        mean, covariance = self.mean, np.diag(self.sigma**2)
        if held is not None:
            gain = covariance @ held.T @ np.linalg.inv(held @ covariance @ held.T)
            mean, covariance = mean - gain @ held @ mean, covariance - gain @ held @ covariance
        spread = self.M @ covariance @ self.M.T + np.eye(len(self.y))
        away = self.y - self.M @ mean
        _, log_det = np.linalg.slogdet(2 * np.pi * spread)
        return -0.5 * float(away @ np.linalg.solve(spread, away)) - 0.5 * float(log_det)

    def held(self, model: Lens) -> FloatArray:
        """What a model of three cameras of one size holds at zero, (N, P)."""
        rows = []
        one = np.eye(len(self.mean))
        for c in range(CAMERAS):
            of = dict(zip(LOCAL, one[self.columns[c, LOCAL]], strict=True))
            first = dict(zip(LOCAL, one[self.columns[0, LOCAL]], strict=True))
            rows += [of[K1]] if model.radial < 1 else []
            rows += [of[K2]] if model.radial < 2 else []
            rows += [] if model.shifted else [of[CENTER.start], of[CENTER.start + 1]]
            if model.shared and c > 0:
                rows.append(of[LOG_FOCAL] - first[LOG_FOCAL])
                rows += [of[K1] - first[K1]] if model.radial >= 1 else []
                rows += [of[K2] - first[K2]] if model.radial >= 2 else []
        return np.array(rows).reshape(-1, len(self.mean))


def adjusted(problem: LinearGaussian, sample: Sample, strength: float) -> Adjusted:
    """What the adjustment would report that overrates the frames by `strength`."""
    mean, covariance = problem.after()
    lens = mean[problem.columns[:, LOCAL]]
    views = Views(
        R=np.tile(np.eye(3), (CAMERAS, 1, 1)),
        t=np.zeros((CAMERAS, 3)),
        focal=UNIT * np.exp(lens[:, 0]),
        center=sample.lenses.center_px + lens[:, 1:3],
        k=lens[:, 3:],
    )
    return Adjusted(views, np.zeros((0, 12, 3)), 1.0, covariance / strength, problem.columns, 1)


@pytest.mark.parametrize("strength", [1.0, 37.0])
@pytest.mark.parametrize("model", allowed_lenses(sample_of(), OPTIONS))
def test_the_odds_are_the_ratio_of_the_evidence(model: Lens, strength: float) -> None:
    sample = sample_of()
    priors = lens_priors(sample, OPTIONS, RICH)
    for seed in range(3):
        problem = LinearGaussian(seed, priors)
        held = problem.held(model)
        expected = problem.log_evidence(held) - problem.log_evidence() if len(held) else 0.0
        found = log_odds(
            sample,
            adjusted(problem, sample, strength),
            priors,
            restrictions(sample, OPTIONS, model),
            strength,
        )
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_simple_models_win_when_the_truth_is_simple() -> None:
    """Zero is likelier after the data than before: the simplest model has the best odds."""
    sample = sample_of()
    priors = lens_priors(sample, OPTIONS, RICH)
    problem = LinearGaussian(0, priors)
    x = np.zeros(len(problem.mean))
    x[problem.columns[:, LOG_FOCAL]] = np.log(1.3)
    problem.y = problem.M @ x
    models = allowed_lenses(sample, OPTIONS)
    odds = [
        log_odds(
            sample, adjusted(problem, sample, 1.0), priors, restrictions(sample, OPTIONS, m), 1.0
        )
        for m in models
    ]
    assert models[int(np.argmax(odds))] == PLAIN
    assert odds[models.index(RICH)] == 0.0


# What may be chosen.


def test_models_allowed_by_the_options() -> None:
    alike, unlike = sample_of(), sample_of(np.array([[1920, 1080], [1280, 720], [640, 480]]))

    def sharing(sample: Sample, how: str) -> set[bool]:
        return {m.shared for m in allowed_lenses(sample, replace(OPTIONS, focal_sharing=how))}

    assert sharing(alike, "auto") == {False, True}
    assert sharing(unlike, "auto") == {False}  # there is nobody to share with
    assert sharing(alike, "camera") == sharing(unlike, "camera") == {False}
    assert sharing(unlike, "shared") == sharing(unlike, "model") == {True}
    assert len(allowed_lenses(alike, OPTIONS)) == 12
    straight = replace(OPTIONS, distortion_sigma=0.0)
    assert {m.radial for m in allowed_lenses(alike, straight)} == {0}
    centred = replace(OPTIONS, center_sigma=0.0)
    assert not any(m.shifted for m in allowed_lenses(alike, centred))
    pair = sample_of(SIZE[[0] * 2])
    assert not any(m.shifted for m in allowed_lenses(pair, OPTIONS))  # two cameras cannot tell


def test_given_lenses_leave_nothing_to_choose() -> None:
    K = np.array([[1300.0, 0, 959.5], [0, 1300.0, 539.5], [0, 0, 1]])
    told = Intrinsics(1920, 1080, K, np.zeros(5), "given", 0.0)
    sample = sample_of(SIZE[[0] * CAMERAS], {f"cam{c}": told for c in range(CAMERAS)})
    models = allowed_lenses(sample, OPTIONS)
    assert [(m.radial, m.shifted) for m in models] == [(0, False)] * len(models)
    priors = lens_priors(sample, OPTIONS, RICH)
    for sigma in (priors.sigma_k1, priors.sigma_k2, priors.sigma_center_px, priors.sigma_log_focal):
        np.testing.assert_array_equal(sigma, 0.0)


def test_cameras_of_one_size_are_of_one_model() -> None:
    size = np.array([[1920, 1080], [1280, 720], [1920, 1088], [1080, 1920], [1280, 720]])
    assert camera_models(sample_of(size)).tolist() == [1, 0, 1, 1, 0]
    assert camera_models(sample_of(size), everywhere=True).tolist() == [0] * 5
    K = np.array([[1300.0, 0, 959.5], [0, 1300.0, 539.5], [0, 0, 1]])
    told = Intrinsics(1920, 1080, K, np.zeros(5), "metadata", 0.05)
    alone = camera_models(sample_of(size, {"cam2": told}))
    assert alone[0] == alone[3] != alone[2]
    assert (alone == alone[2]).sum() == 1


# Scenes.


def chosen(rig: Rig, seed: int, noise_px: float = 2.0) -> Lens:
    """The model chosen for noisy detections, from a good start."""
    rng = np.random.default_rng(seed)
    exact = synthetic.observe(rig, synthetic.walk(rng, ticks=120))
    noisy = synthetic.degrade(exact, rng, noise_px=noise_px)
    sample = choose_sample([noisy], OPTIONS.frames, {})
    poses = [c.cam_from_world for c in rig.cameras]
    first = poses[0].inverse()
    poses = [pose @ first for pose in poses]
    views = Views(
        np.stack([pose.R for pose in poses]),
        np.stack([pose.t for pose in poses]) / 5.0,
        np.full(len(poses), np.mean([c.K[0, 0] for c in rig.cameras])),
        sample.lenses.center_px,
        np.zeros((len(poses), 2)),
    )
    start = warm_up(sample, views, structure(sample, views), OPTIONS)
    return choose_lens(sample, start, OPTIONS)[1]


def rig_of(seed: int, **how: object) -> Rig:
    return synthetic.random_rig(np.random.default_rng(seed), 4, **how)


# In 24 scenes each, sharing, bending and shifts were always seen, and straight lenses taken as bent
# in 2: the odds err where the data happen to. Nine of ten leaves room for one such scene.
SCENES, RIGHT = range(10), 9


def test_one_lens_for_all_is_recognised() -> None:
    found = [chosen(rig_of(seed, one_model=True), seed) for seed in SCENES]
    assert sum(lens.shared for lens in found) >= RIGHT
    assert sum(lens.radial == 0 for lens in found) >= RIGHT - 1
    assert sum(not lens.shifted for lens in found) >= RIGHT


def test_lenses_that_differ_and_bend_are_recognised() -> None:
    """Focal lengths of 0.47 to 0.83 widths, k1 of −0.25 to −0.15."""
    found = [chosen(rig_of(seed, k1=(-0.25, -0.15)), seed) for seed in SCENES]
    assert sum(not lens.shared for lens in found) >= RIGHT
    assert sum(lens.radial > 0 for lens in found) >= RIGHT


def test_principal_points_far_off_are_recognised() -> None:
    """Shifts of 3 % of the width, 58 px; straight lenses."""
    found = [chosen(rig_of(seed, off_center=0.03, one_model=True), seed) for seed in SCENES]
    assert sum(lens.shifted for lens in found) >= RIGHT
