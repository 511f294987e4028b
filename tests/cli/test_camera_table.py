"""What a person reads after a calibration."""

from typing import Any

import pytest

from gentri.cli.camera_table import camera_rows, verdict_lines
from gentri.cli.results import print_results
from gentri.pipeline.runner import Outcome

CAMERAS: dict[str, dict[str, Any]] = {
    "cam01": {
        "focal_px": 1712.34,
        "focal_sigma_percent": 0.83,
        "intrinsics_source": "estimated",
        "distance_m": 4.217,
        "held_out_mrad": 3.12,
        "held_out_px": 5.34,
    },
    "cam02": {
        "focal_px": 1650.0,
        "focal_sigma_percent": None,
        "intrinsics_source": "given",
        "distance_m": None,
    },
}


def metrics(verdict: str, source: str = "population prior", **world: object) -> dict[str, Any]:
    reasons = [
        {"kind": "coverage", "level": "usable", "text": "walk for longer"},
        {"kind": "late", "level": "poor", "text": "cam01 runs behind"},
    ]
    return {
        "verdict": verdict,
        "cameras": CAMERAS,
        "scale": {"source": source, "sigma_percent": 5.8},
        "world": {"source": "person", **world},
        "reasons": [] if verdict == "good" else reasons,
        "poor": ["cam01 runs behind"] if verdict == "poor" else [],
    }


def test_a_line_per_camera() -> None:
    rows = camera_rows(CAMERAS)
    assert rows[1] == ("cam01", "1712 px ± 0.8 %", "estimated", "4.22 m", "3.1 mrad, 5.3 px")
    assert rows[2] == ("cam02", "1650 px", "given", "?", "?")


def test_scale_and_verdict() -> None:
    assert verdict_lines(metrics("good")) == [
        "scale: population prior, ± 5.8 %; --height METRES of the person gives the true one",
        "verdict: good, nothing speaks against these cameras",
    ]
    lines = verdict_lines(metrics("poor", "stature given", residual_mm=12.5))
    assert lines == [
        "scale: stature given, ± 5.8 %",
        "known camera positions met to 12.5 mm",
        "verdict: poor, do not trust these cameras",
        "  - walk for longer",
    ]
    exact = metrics("good", "given") | {"scale": {"source": "given", "sigma_percent": None}}
    assert verdict_lines(exact)[0] == "scale: given"


def test_it_is_printed_after_a_run(
    capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gentri.pipeline.session import Session

    monkeypatch.chdir(tmp_path)
    session = Session(tmp_path, {})
    print_results(session, [Outcome("calibrate", "ran", metrics("poor"), 1.0)], False)
    said = capsys.readouterr()
    assert "\ncam01   1712 px ± 0.8 %  estimated  4.22 m" in said.out
    assert "verdict: poor" in said.out
    assert said.err == "poor calibrate: cam01 runs behind\n"
    print_results(session, [Outcome("calibrate", "kept", {"cameras": {}}, 0.0)], False)
    assert "verdict" not in capsys.readouterr().out


def test_the_files_of_the_last_stage_are_named(capsys: Any, tmp_path: Any) -> None:
    from gentri.pipeline.session import Session

    files = {"rigs/Calib.toml": "cameras for Pose2Sim"}
    made = Outcome("calibrate", "ran", metrics("good") | {"files": files}, 1.0)
    print_results(Session(tmp_path, {}), [made], False)
    assert capsys.readouterr().out.endswith("calibrate\n  rigs/Calib.toml  cameras for Pose2Sim\n")
    print_results(Session(tmp_path, {}), [made, Outcome("triangulate", "ran", {}, 1.0)], False)
    assert capsys.readouterr().out.endswith("triangulate\n")
