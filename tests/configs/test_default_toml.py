"""default.toml and the stages of the program."""

from dataclasses import MISSING, fields

import tomlkit

from gentri.configs.settings import DEFAULTS_FILE, list_settings
from gentri.stages import STAGES


def test_every_parameter_stands_once_with_a_comment():
    tables = tomlkit.parse(DEFAULTS_FILE.read_text(encoding="utf-8")).unwrap()
    assert {name: set(table) for name, table in tables.items()} == {
        stage.name: {f.name for f in fields(stage.params)} for stage in STAGES
    }
    without = [f"{s.stage}.{s.name}" for s in list_settings(STAGES) if not s.comment]
    assert not without


def test_params_have_no_defaults_of_their_own():
    own = [
        f"{stage.name}.{f.name}"
        for stage in STAGES
        for f in fields(stage.params)
        if f.default is not MISSING or f.default_factory is not MISSING
    ]
    assert not own


def test_every_stage_needs_only_stages_before_it():
    before: set[str] = set()
    for stage in STAGES:
        assert set(stage.needs) <= before
        before.add(stage.name)
