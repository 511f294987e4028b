"""`gentri weights`: the models' files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gentri.cli import options
from gentri.errors import ExitCode, WeightsError

if TYPE_CHECKING:
    from gentri.weights.store import WeightFile

app = typer.Typer(
    name="weights",
    help="List, fetch and verify model weights.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_MB = 1_000_000


@app.command("list")
def list_files(json: options.Json = False) -> None:
    """List every known file: whether it is here, what it detects, its place and licence."""
    from gentri.cli.results import print_json, print_table
    from gentri.weights.store import list_weights

    files = list_weights()
    if json:
        print_json({"weights": [_described(w) for w in files]})
        return
    print_table(
        [
            (w.name, "here" if w.is_present else "not here", w.skeleton, w.licence, str(w.path))
            for w in files
        ]
    )


@app.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAMES",
            help="Models as in detect.model, or files as listed; none: what the session needs.",
        ),
    ] = None,
    session: options.SessionFolder = options.DEFAULT_SESSION,
    json: options.Json = False,
) -> None:
    """Download files for work without a network; a broken download is continued."""
    from gentri.cli.progress import open_reporter
    from gentri.cli.results import print_json
    from gentri.stages.detect import weights_of
    from gentri.weights import store

    models = names or [_model_of(session)]
    wanted = list(dict.fromkeys(file for name in models for file in weights_of(name)))
    with open_reporter("weights") as reporter:
        for absent in (name for name in wanted if not store.find(name).is_present):
            reporter.say(f"fetching {absent}")

        def report(_name: str, done: int, total: int | None) -> None:
            reporter.advance(done // _MB, (total or done) // _MB, "MB")

        paths = store.fetch_all(wanted, report)
    if json:
        print_json({"weights": [_described(store.find(name)) for name in wanted]})
        return
    for path in paths:
        print(path)


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAMES", help="As listed; none: all that are here."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Compare files with their published size and digest."""
    from gentri.cli.results import print_json, print_table
    from gentri.weights import store

    present = [w for w in store.list_weights() if w.is_present]
    wrong = {}
    for weight_file in [store.find(n) for n in names] if names else present:
        wrong[weight_file.name] = ""
        try:
            store.verify(weight_file.name)
        except WeightsError as error:
            wrong[weight_file.name] = f"{error.message}: {error.hint}"
    if json:
        print_json({"weights": [{"name": n, "wrong": text} for n, text in wrong.items()]})
    else:
        print_table([(name, text or "as published") for name, text in wrong.items()])
    if any(wrong.values()):
        raise typer.Exit(ExitCode.REFUSED)


def _model_of(session: Path) -> str:
    """The detector that a session asks for; the default one where there is no session."""
    from gentri import stages
    from gentri.cli.request import settings_file
    from gentri.configs.settings import load_settings

    return load_settings(stages.STAGES, settings_file(session))["detect"].model


def _described(weight_file: "WeightFile") -> dict[str, str | bool]:
    return {
        "name": weight_file.name,
        "present": weight_file.is_present,
        "embedded": weight_file.embedded,
        "skeleton": weight_file.skeleton,
        "licence": weight_file.licence,
        "path": str(weight_file.path),
        "source": weight_file.source,
        "url": weight_file.url,
    }
