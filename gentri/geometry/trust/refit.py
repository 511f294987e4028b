"""The rig adjusted again with one more freedom: a clock that runs late, a camera that was moved.

A fault that the rig was estimated with is partly hidden in its poses, so they are free as well.
"""

from dataclasses import replace

import numpy as np

from gentri.data import FloatArray
from gentri.geometry.triangulation import triangulate
from gentri.geometry.trust.equations import CAUCHY, Equations, Normal
from gentri.geometry.trust.evidence import Evidence
from gentri.geometry.trust.model import Fit, Model

_DAMPING_START, _DAMPING_MIN, _DAMPING_MAX = 1e-3, 1e-8, 1e6
_DAMPING_RISE, _DAMPING_FALL = 4.0, 5.0
_CONVERGED = 1e-4  # relative fall of the cost


def begin(seen: Evidence, model: Model, R: FloatArray, t: FloatArray) -> Fit:
    """Joints and cost of given stations."""
    xyz = np.full((*seen.xy.shape[1:3], 3), np.nan)
    for column in np.unique(model.station, axis=1).T:
        at = np.flatnonzero((model.station == column[:, None]).all(0))
        e = seen.only(at)
        xyz[at] = triangulate(
            e.xy, e.weight, R[column], t[column], CAUCHY * float(np.median(e.sigma))
        )
    start = Fit(R, t, np.zeros(model.scales), np.zeros(model.clocks), np.nan_to_num(xyz), np.nan)
    return replace(start, cost=Equations(seen, model).cost(start))


def refit(seen: Evidence, model: Model, start: Fit, steps: int = 15) -> Fit:
    """Levenberg–Marquardt on stations, clocks, focal scales and joints."""
    equations = Equations(seen, model)
    fit = replace(start, cost=equations.cost(start))
    damping = _DAMPING_START
    for _ in range(steps):
        normal = equations.normal(fit)
        trial, damping = _descend(equations, normal, fit, damping)
        if trial is None:
            break
        fall, fit = 1 - trial.cost / fit.cost, trial
        if fall < _CONVERGED:
            break
    return fit


def information(seen: Evidence, model: Model, fit: Fit) -> tuple[FloatArray, FloatArray]:
    """Reduced Hessian (P, P) of a fit, and how the middle joint follows its parameters (3, P)."""
    normal = Equations(seen, model).normal(fit)
    inverse = normal.inverse(0.0)
    S, _ = normal.reduced(inverse)
    middle = -np.einsum("nij,npj->ip", inverse, normal.W) / len(normal.V)
    return S, middle


def left_over(seen: Evidence, model: Model, fit: Fit) -> FloatArray:
    """Median error of each camera that a fit does not explain, expected errors, (C,)."""
    equations = Equations(seen, model)
    error = np.linalg.norm(equations.residuals(fit)[0], axis=-1)
    own = [error[equations.camera == c] for c in range(len(seen.xy))]
    return np.array([float(np.median(e)) if len(e) else np.nan for e in own])


def _descend(
    equations: Equations, normal: Normal, fit: Fit, damping: float
) -> tuple[Fit | None, float]:
    while damping < _DAMPING_MAX:
        trial = equations.moved(fit, *normal.step(damping))
        trial = replace(trial, cost=equations.cost(trial))
        if trial.cost < fit.cost:
            return trial, max(damping / _DAMPING_FALL, _DAMPING_MIN)
        damping *= _DAMPING_RISE
    return None, damping
