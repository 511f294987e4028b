from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import pytest

from gentri.configs import settings
from gentri.configs.settings import edit_settings, list_settings, load_settings
from gentri.errors import UsageError
from gentri.pipeline.stage import Stage


@dataclass(frozen=True)
class DetectParams:
    model: Literal["movenet", "rtmpose-m"]
    joints: tuple[str, ...]
    flip: bool


@dataclass(frozen=True)
class CalibrateParams:
    ransac_px: float
    height_m: float | Literal["unknown"]
    subject: str
    steps: int
    span_s: tuple[float, float]

    def __post_init__(self) -> None:
        if self.ransac_px <= 0:
            raise ValueError(f"ransac_px: found {self.ransac_px}, needed above 0")


STAGES = (
    Stage("detect", 1, (), DetectParams, lambda _: {}),
    Stage("calibrate", 1, ("detect",), CalibrateParams, lambda _: {}),
)
DEFAULTS = """\
# The head of the file.

[detect]
# Which network.
model = "movenet"  # by name
joints = ["nose"]
flip = false

[calibrate]
# Inliers, pixels.
# Four is the detector's noise.
ransac_px = 4

# A remark on nothing.

height_m = "unknown"
subject = "auto"
# Both of the search.
steps = 10
span_s = [0, 1.5]
"""


@pytest.fixture(autouse=True)
def defaults(tmp_path, monkeypatch):
    path = tmp_path / "default.toml"
    path.write_text(DEFAULTS)
    monkeypatch.setattr(settings, "DEFAULTS_FILE", path)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "session.toml"
    path.write_text('# mine\n[sources]\na = "a.mp4"\n\n[calibrate]\nsteps = 20  # more\n')
    return path


def test_defaults_have_the_types_of_the_params():
    loaded = load_settings(STAGES)
    assert loaded["detect"] == DetectParams("movenet", ("nose",), False)
    assert loaded["calibrate"] == CalibrateParams(4.0, "unknown", "auto", 10, (0.0, 1.5))
    assert type(loaded["calibrate"].ransac_px) is float


def test_a_session_lies_over_the_defaults(file):
    loaded = load_settings(STAGES, file)
    assert loaded["calibrate"].steps == 20
    assert loaded["calibrate"].ransac_px == 4.0


def test_a_session_without_file_has_the_defaults(tmp_path):
    assert load_settings(STAGES, tmp_path / "none.toml") == load_settings(STAGES)


REFUSED = {
    "[calibrat]": r"unknown table in .*session\.toml: calibrat\n.*did you mean calibrate\?",
    "[calibrate]\nransac = 1": r"unknown setting: calibrate\.ransac\n.*calibrate\.ransac_px",
    "[detect]\nzzz = 1": r"unknown setting: detect\.zzz\n.*detect\.",
    "detect = 3": r"detect is not a table\n.*\[detect\]",
    "[calibrate]\nransac_px = 'a'": r'calibrate\.ransac_px: found "a", needed a number\n.*--set',
    "[calibrate]\nransac_px = true": r"found true, needed a number",
    "[calibrate]\nransac_px = nan": r"found nan, needed a number",
    "[calibrate]\nransac_px = -1": r"calibrate\.ransac_px: found -1\.0, needed above 0\n.*--set",
    "[calibrate]\nheight_m = 'tall'": r'found "tall", needed a number or "unknown"',
    "[calibrate]\nsteps = 1.0": r"found 1\.0, needed a whole number",
    "[calibrate]\nsubject = 3": r"found 3, needed a text",
    "[calibrate]\nspan_s = [1]": r"found \[1\], needed a list of 2: a number, a number",
    "[calibrate]\nspan_s = [1, 'a']": r'found \[1, "a"\], needed a list of 2',
    "[calibrate]\nspan_s = 1": r"found 1, needed a list of 2",
    "[detect]\nmodel = 'movnet'": r'found "movnet", needed "movenet" or "rtmpose-m"',
    "[detect]\njoints = [1]": r'needed a list in brackets, such as \["a", "b"\], of: a text',
    "[detect]\nflip = 1": r"found 1, needed true or false",
    "[detect]\nflip = 1979-05-27": r"needed true or false",
    "[detect]\nflip = ": r"session\.toml is not valid TOML: .*line 2",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_understood_is_refused_with_what_is_needed(file, text):
    file.write_text(text)
    with pytest.raises(UsageError, match=REFUSED[text]):
        load_settings(STAGES, file)


def test_an_edit_keeps_comments_and_takes_effect(file):
    edit_settings(
        STAGES, file, {"calibrate.ransac_px": "2", "calibrate.steps": "30", "detect.flip": "true"}
    )
    assert file.read_text() == (
        '# mine\n[sources]\na = "a.mp4"\n\n[calibrate]\nsteps = 30  # more\nransac_px = 2\n'
        "\n[detect]\nflip = true\n"
    )
    loaded = load_settings(STAGES, file)
    assert (loaded["calibrate"].ransac_px, loaded["calibrate"].steps) == (2.0, 30)
    assert loaded["detect"].flip is True


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("calibrate.height_m", "1.8", 1.8),
        ("calibrate.height_m", "unknown", "unknown"),
        ("calibrate.height_m", '"unknown"', "unknown"),
        ("calibrate.subject", "two words", "two words"),
        ("calibrate.subject", "3", "3"),
        ("calibrate.subject", "true", "true"),
        ("calibrate.subject", "", ""),
        ("calibrate.span_s", "[2, 3.5]", (2.0, 3.5)),
        ("detect.joints", '["nose", "left_eye"]', ("nose", "left_eye")),
        ("detect.joints", "[]", ()),
        ("detect.model", "rtmpose-m", "rtmpose-m"),
    ],
)
def test_edits_are_toml_values_or_plain_texts(file, key, text, value):
    edit_settings(STAGES, file, {key: text})
    stage, name = key.split(".")
    assert getattr(load_settings(STAGES, file)[stage], name) == value


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"calibrate.ransac": "2"}, r"unknown setting: calibrate\.ransac\n.*ransac_px\?"),
        ({"ransac_px": "2"}, r"did you mean calibrate\.ransac_px\?"),
        ({"sources.a": "b.mp4"}, r"unknown setting: sources\.a"),
        ({"calibrate.ransac_px": "two"}, r'calibrate\.ransac_px: found "two", needed a number'),
        ({"calibrate.ransac_px": "0"}, r"needed above 0"),
        ({"detect.model": "x"}, r'needed "movenet" or "rtmpose-m"'),
    ],
)
def test_an_edit_that_is_wrong_writes_nothing_not_even_the_right_ones(file, edits, said):
    before = file.read_text()
    with pytest.raises(UsageError, match=said):
        edit_settings(STAGES, file, {"detect.flip": "true", **edits})
    assert file.read_text() == before


def test_an_edit_mends_a_wrong_value(file):
    file.write_text("[calibrate]\nsteps = 'many'\n")
    edit_settings(STAGES, file, {"calibrate.steps": "5"})
    assert load_settings(STAGES, file)["calibrate"].steps == 5


def test_the_list_tells_value_source_and_comment(file):
    listed = {f"{s.stage}.{s.name}": s for s in list_settings(STAGES, file)}
    assert list(listed) == [f"{s.name}.{f.name}" for s in STAGES for f in fields(s.params)]
    model, steps, ransac = (
        listed[k] for k in ("detect.model", "calibrate.steps", "calibrate.ransac_px")
    )
    assert (model.value, model.source, model.comment) == (
        "movenet",
        "default",
        "Which network. by name",
    )
    assert model.allowed == '"movenet" or "rtmpose-m"'
    assert (steps.value, steps.default, steps.source) == (20, 10, "session")
    assert ransac.comment == "Inliers, pixels. Four is the detector's noise."
    assert listed["calibrate.height_m"].comment == ""
    assert steps.comment == listed["calibrate.span_s"].comment == "Both of the search."


def test_paths_of_a_session_are_not_settings(file):
    file.write_text('[sources]\na = "a.mp4"\n[given]\nrig = "rig.toml"\n[calibrate]\nsteps = 5\n')
    assert load_settings(STAGES, file)["calibrate"].steps == 5
