"""Arrays whose shape and dtype are a contract, in which NaN is "not measured"; names of files."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
PathLike = str | os.PathLike[str]


def check_array(
    owner: str, field: str, array: Any, shape: tuple[int | None, ...], dtype: str
) -> None:
    """Refuse an array whose dtype or shape (None: any length) is not the contract's."""
    found = (array.dtype.name, array.shape)
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != np.dtype(dtype):
        want = tuple("*" if n is None else n for n in shape)
        raise ValueError(f"{owner}.{field}: expected {dtype} {want}, got {found[0]} {found[1]}")


def median_measured(values: FloatArray) -> float:
    """Median of what is not NaN; NaN when nothing is."""
    measured = values[np.isfinite(values)]
    return float(np.median(measured)) if len(measured) else np.nan
