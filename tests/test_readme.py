"""What README.md shows must be what there is."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import tomlkit
import typer.main

from gentri.cli.app import app
from gentri.configs.settings import DEFAULTS_FILE
from gentri.errors import ExitCode
from gentri.pipeline.plan import State
from gentri.stages import STAGES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", README, flags=re.M | re.S)
LINES = [re.split(r"\s{2,}", line)[0] for block in BLOCKS for line in block.splitlines()]
GENTRI = [line for line in LINES if re.match(r"(\.venv/bin/)?gentri ", line)]


@pytest.mark.parametrize("line", GENTRI)
def test_commands_are_understood(line: str) -> None:
    name, *arguments = [word.strip("[]") for word in shlex.split(line)[1:]]
    command = typer.main.get_command(app).commands[name]
    command.make_context(name, arguments)  # refuses an option that does not exist


def test_first_commands_are_the_two() -> None:
    demo, test = BLOCKS[0].splitlines()
    assert demo.startswith("python3 bootstrap.py demo")
    assert test.startswith("python3 bootstrap.py test")
    assert "python3 bootstrap.py test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_settings_exist() -> None:
    defaults = tomlkit.parse(DEFAULTS_FILE.read_text(encoding="utf-8")).unwrap()
    stages = "|".join(stage.name for stage in STAGES)
    shown = set(re.findall(rf"\b({stages})\.([a-z][a-z_]*)\b", README))
    assert len(shown) >= 5
    assert [f"{s}.{n}" for s, n in shown if n not in defaults[s]] == []


def texts() -> list[str]:
    """Every text in gentri's source but docstrings, with "…" for what is filled in."""
    found = []
    for file in (ROOT / "gentri").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
        for node in nodes:
            if node in docstrings:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def refusals() -> list[str]:
    """What the left column of the last table quotes."""
    table = README.partition("| it says |")[2].partition("\n\n")[0]
    quoted = [line.split("|")[1] for line in table.splitlines()[2:]]
    without_notes = (re.sub(r"\(.*?\)", "", cell) for cell in quoted)
    return [phrase.strip() for cell in without_notes for phrase in cell.split(" / ")]


def test_refusals_are_found() -> None:
    assert len(refusals()) > 15


@pytest.fixture(scope="module")
def messages() -> list[str]:
    return texts()


@pytest.mark.parametrize("phrase", refusals())
def test_refusals_are_gentris_own_words(phrase: str, messages: list[str]) -> None:
    pieces = [re.escape(piece.strip()) for piece in phrase.split("…") if piece.strip()]
    wanted = re.compile(".*….*".join(pieces), flags=re.S)
    assert any(wanted.search(message) for message in messages)


def test_states_and_exit_codes_are_complete() -> None:
    table = README.partition("| state | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| ([a-z-]+) \| ", table, flags=re.M) == [str(s) for s in State]
    assert [int(c) for c in re.findall(r"^\| (\d+) \| ", README, flags=re.M)] == list(ExitCode)
