import shutil
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from gentri.pipeline.receipt import (
    Receipt,
    contents_digest,
    damages,
    library_versions,
    list_outputs,
    plain,
)


@pytest.fixture
def folder(tmp_path):
    for name in ("b.txt", "a/1.txt", "a/0.txt", "_parts/x.txt", "a/_parts.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def receipt(folder):
    outputs = list_outputs(folder)
    return Receipt("f", {}, {}, contents_digest(outputs), {}, 1.5, "2024-01-01", {}, {}, outputs)


def test_outputs_are_all_files_but_parts_and_the_receipt(folder, receipt):
    receipt.save(folder)
    assert [o.path for o in list_outputs(folder)] == ["a/0.txt", "a/1.txt", "a/_parts.txt", "b.txt"]
    assert list_outputs(folder) == receipt.outputs


def test_a_receipt_comes_back_as_it_was_saved(folder, receipt):
    receipt.save(folder)
    assert Receipt.load(folder) == receipt


def test_what_was_not_measured_is_null_and_numpy_is_plain(folder, receipt):
    metrics = {"px": np.float32(0.5), "nan": np.nan, "n": np.int64(3), "list": (1, float("inf"))}
    replace(receipt, metrics=plain(metrics)).save(folder)
    assert Receipt.load(folder).metrics == {"px": 0.5, "nan": None, "n": 3, "list": [1, None]}
    assert "NaN" not in (folder / "stage.json").read_text()


def test_contents_tell_names_and_bytes(folder, receipt):
    (folder / "b.txt").rename(folder / "c.txt")
    assert contents_digest(list_outputs(folder)) != receipt.contents
    (folder / "c.txt").rename(folder / "b.txt")
    assert contents_digest(list_outputs(folder)) == receipt.contents


def test_damages_name_each_file(folder, receipt):
    (folder / "b.txt").unlink()
    (folder / "a" / "0.txt").write_text("longer than before")
    (folder / "a" / "1.txt").write_text("A/1.TXT")
    sizes = ("a/0.txt: 18 bytes, needed 7", "b.txt: missing")
    assert damages(folder, receipt.outputs, verify=False) == sizes
    assert damages(folder, receipt.outputs, verify=True) == (
        sizes[0],
        "a/1.txt: content changed",
        sizes[1],
    )


def test_of_much_damage_the_beginning_is_said(folder, receipt):
    many = [receipt.outputs[0]._replace(path=f"{i:02}.txt") for i in range(50)]
    said = damages(folder, many, verify=False)
    assert said == tuple(f"{i:02}.txt: missing" for i in range(10))


def test_a_file_in_place_of_a_folder_is_damage(folder, receipt):
    shutil.rmtree(folder / "a")
    (folder / "a").write_text("")
    assert damages(folder, receipt.outputs, verify=False)[0] == "a/0.txt: missing"


@pytest.mark.slow
def test_hours_of_frames_are_checked_in_little_memory(folder):
    frames = folder / "cam01"
    frames.mkdir()
    for i in range(50_000):
        (frames / f"{i:06}.jpg").touch()
    tracemalloc.start()
    outputs = list_outputs(folder)
    receipt = Receipt("f", {}, {}, contents_digest(outputs), {}, 1.5, "", {}, {}, outputs)
    receipt.save(folder)
    del outputs, receipt
    assert not damages(folder, Receipt.load(folder).outputs, verify=False)
    assert tracemalloc.get_traced_memory()[1] / 50_000 < 600  # bytes a frame
    tracemalloc.stop()


def test_a_receipt_of_another_make_is_refused(folder):
    with pytest.raises(FileNotFoundError):
        Receipt.load(folder)
    (folder / "stage.json").write_text('{"fingerprint": "f"}')
    with pytest.raises(ValueError, match="is not a receipt"):
        Receipt.load(folder)


def test_versions_are_of_what_is_installed(monkeypatch):
    from gentri.pipeline import receipt

    installed = {"gentri": "0.1", "numpy": "2.0", "mmcv-lite": "2.1"}
    needs = ["numpy>=1.26", "mmcv-lite<2.2,>=2.1", "chumpy @ file:///stubs", 'x; extra == "test"']

    def version(name):
        if name not in installed:
            raise receipt.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(receipt.metadata, "version", version)
    monkeypatch.setattr(receipt.metadata, "requires", lambda _: needs)
    assert {**library_versions(), "python": ""} == {"python": "", **installed}
