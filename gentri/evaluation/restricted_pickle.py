"""NumPy files with pickled objects, read without running what they ask for.

Datasets come as `.npy` and `.npz` files of dictionaries. A pickle may name any function to call;
here only those are known that build arrays, so that a file made to do harm is refused instead.
"""

import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from gentri.errors import InputError

# What NumPy's own pickles call, by the module names before and after NumPy 2.
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),  # bytes in pickles of protocol 2
    *(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    ),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")
        return super().find_class(module_name, global_name)


def load_numpy(path: Path) -> Any:
    """What `numpy.save` or `numpy.savez` wrote: an array, an object, or a dictionary of them.

    Raises:
        InputError: it cannot be read, or asks for more than arrays.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return {
                    name.removesuffix(".npy"): _array(archive.open(name))
                    for name in archive.namelist()
                }
        with path.open("rb") as file:
            return _array(file)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", "check the path"
        ) from error
    # A damaged pickle can fail in any way.
    except Exception as error:
        raise InputError(
            f"{path} is no NumPy file of arrays and plain values: {error}",
            "take the file from its source again; do not open it with other programs",
        ) from error


def _array(file: IO[bytes]) -> Any:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, fortran, dtype = read[version](file)
    if dtype.hasobject:
        # Written by Python 2 as well: its text is Latin-1, and its arrays are in such text.
        value = _Unpickler(file, encoding="latin1").load()
        return value.item() if shape == () else value
    data = np.frombuffer(file.read(), dtype=dtype, count=int(np.prod(shape)))
    return data.reshape(shape, order="F" if fortran else "C").copy()
