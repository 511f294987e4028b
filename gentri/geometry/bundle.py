"""Robust bundle adjustment of cameras, intrinsics and a moving skeleton by Levenberg–Marquardt.

The gauge is fixed: the first camera does not move, and the scale is held by the damping.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.geometry.adjustment_problem import Observations, Priors, Problem, State
from gentri.geometry.normal_equations import normal_equations
from gentri.geometry.projection import LOG_FOCAL, Views

_DAMPING_START, _DAMPING_MIN, _DAMPING_MAX = 1e-3, 1e-10, 1e8
_DAMPING_RISE, _DAMPING_FALL = 4.0, 5.0  # after a step that fails, after one that succeeds

# Relative fall of the cost that ends an adjustment: of cameras to keep, of cameras to compare lens
# models with, and of starts that are only told from each other.
FINE, ROUGH, COARSE = 1e-6, 1e-5, 1e-4


@dataclass(frozen=True, eq=False)
class Adjusted:
    """Result of the adjustment.

    Attributes:
        views: adjusted cameras.
        xyz: (F, J, 3) adjusted joints.
        cost: robust cost per weighted observation that the joints leave free, see `Problem.worth`:
            0.7 to 0.8 where errors are normal and as large as expected.
        covariance: (P, P) of the shared parameters, from the reduced Hessian, for errors that are
            independent and as large as the expected ones.
        columns: (C, 11) the shared parameter of each local camera parameter, −1 where held.
        iterations: steps taken.
    """

    views: Views
    xyz: FloatArray
    cost: float
    covariance: FloatArray
    columns: NDArray[np.int64]
    iterations: int

    @property
    def sigma_log_focal(self) -> FloatArray:
        """Standard deviation of log focal, (C,); NaN where the focal length was held."""
        sigma = np.sqrt(np.maximum(np.diag(self.covariance), 0))
        column = self.columns[:, LOG_FOCAL]
        return np.where(column >= 0, np.append(sigma, np.nan)[column], np.nan)


def adjust(
    seen: Observations,
    views: Views,
    xyz: FloatArray,
    priors: Priors,
    iterations: int = 50,
    converged: float = FINE,
) -> Adjusted:
    """Minimise the robust reprojection error over cameras and joints.

    Args:
        seen: detections.
        views: start.
        xyz: (F, J, 3) start; finite everywhere (unseen joints are ignored).
        priors: what is free.
        iterations: at most this many steps.
        converged: relative fall of the cost in one step that is the last.

    Returns:
        The state of lowest cost found; the cost never rises.
    """
    problem = Problem(seen, priors)
    state = State(views, xyz, _median_log_length(xyz, problem))
    cost = problem.cost(state)
    damping = _DAMPING_START
    taken = 0
    for _ in range(iterations):
        better = _descend(problem, state, cost, damping)
        if better is None:
            break
        fall = (cost - better[1]) / cost
        state, cost, damping = better
        damping = max(damping / _DAMPING_FALL, _DAMPING_MIN)
        taken += 1
        if fall < converged:
            break
    covariance = _covariance(problem, state)
    relative = cost / problem.worth
    return Adjusted(state.views, state.xyz, relative, covariance, problem.columns, taken)


def _descend(
    problem: Problem, state: State, cost: float, damping: float
) -> tuple[State, float, float] | None:
    """The next state of lower cost, its cost and the damping that led there; None at a minimum."""
    equations = normal_equations(problem, state)
    while damping < _DAMPING_MAX:
        trial = problem.moved(state, *equations.step(damping))
        value = problem.cost(trial)
        if value < cost:
            return trial, value, damping
        damping *= _DAMPING_RISE
    return None


def _covariance(problem: Problem, state: State) -> FloatArray:
    """Covariance of the shared parameters, (P, P)."""
    S = normal_equations(problem, state).reduced_hessian()
    unit = 1 / np.sqrt(np.maximum(np.diag(S), 1e-300))  # radians, pixels and lengths compared
    # The scale of the scene is free: its null direction is the translations of all cameras.
    return np.linalg.pinv(S * np.outer(unit, unit), rcond=1e-9, hermitian=True) * np.outer(
        unit, unit
    )


def _median_log_length(xyz: FloatArray, problem: Problem) -> FloatArray:
    """Median log length of each bone over the frames of each take, (takes, B)."""
    bones, take = problem.bones, problem.seen.take
    d = np.linalg.norm(xyz[:, bones[:, 0]] - xyz[:, bones[:, 1]], axis=-1)
    log_d = np.log(np.maximum(d, 1e-6))
    return np.stack([np.median(log_d[take == i], axis=0) for i in range(problem.takes)])
