"""Files of arrays are read as NumPy reads them; files that would run something are refused."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from gentri.errors import InputError
from gentri.evaluation.restricted_pickle import load_numpy

TABLE = np.dtype([("index", np.int8), ("keypoints", np.float32, (17, 3))])
CONTENT = {
    "names": ["S9", "S11"],
    "table": np.zeros(4, TABLE),
    "number": np.float32(2.5),
    "text": np.array(["a", "bc"]),
    "nested": {"x": [np.asfortranarray(np.arange(6.0).reshape(2, 3)), (1, None, b"x")]},
    "objects": np.array([{"a": 1}, np.arange(3)], dtype=object),
}


class Harm:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def assert_same(found: dict, expected: dict) -> None:
    assert found["names"] == expected["names"]
    np.testing.assert_array_equal(found["table"], expected["table"])
    assert found["number"] == 2.5 and isinstance(found["number"], np.float32)
    np.testing.assert_array_equal(found["text"], expected["text"])
    np.testing.assert_array_equal(found["nested"]["x"][0], expected["nested"]["x"][0])
    assert found["nested"]["x"][1] == (1, None, b"x")
    assert found["objects"][0] == {"a": 1}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_objects_are_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(np.array(CONTENT, dtype=object), file, protocol)
    assert_same(load_numpy(path), CONTENT)


def test_files_of_numpy_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CONTENT)  # pyright: ignore[reportArgumentType]
    assert_same(load_numpy(tmp_path / "a.npy"), CONTENT)
    plain = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    np.savez_compressed(tmp_path / "a.npz", content=CONTENT, plain=plain)
    found = load_numpy(tmp_path / "a.npz")
    assert_same(found["content"], CONTENT)
    np.testing.assert_array_equal(found["plain"], plain)
    np.save(tmp_path / "b.npy", plain)
    np.testing.assert_array_equal(load_numpy(tmp_path / "b.npy"), plain)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("archive", [False, True])
def test_what_would_run_something_is_refused(tmp_path: Path, protocol: int, archive: bool) -> None:
    mark = tmp_path / "ran"
    harm = np.array({"positions_3d": [Harm(mark)]}, dtype=object)
    path = tmp_path / ("a.npz" if archive else "a.npy")
    if archive:
        np.savez(path, x=harm)
    else:
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|O", "fortran_order": False, "shape": ()}
            )
            pickle.dump(harm, file, protocol)
    with pytest.raises(InputError, match=r"it asks for (posix|nt)\.system"):
        load_numpy(path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["builtins eval", "numpy load", "numpy.ctypeslib load_library"])
def test_names_that_are_not_arrays_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        file.write(b"c" + name.replace(" ", "\n").encode() + b"\n.")
    with pytest.raises(InputError, match="it asks for " + name.replace(" ", r"\.")):
        load_numpy(path)


def test_damaged_and_absent_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_numpy(tmp_path / "nowhere.npy")
    np.save(tmp_path / "a.npy", CONTENT)  # pyright: ignore[reportArgumentType]
    whole = (tmp_path / "a.npy").read_bytes()
    for content in (b"nonsense", whole[:300], b""):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(InputError, match="is no NumPy file"):
            load_numpy(tmp_path / "a.npy")
