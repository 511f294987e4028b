"""`gentri weights`: the models' files."""

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
    names: Annotated[list[str], typer.Argument(metavar="NAMES", help="As listed.")],
    json: options.Json = False,
) -> None:
    """Download files for work without a network; a broken download is continued."""
    from gentri.cli.progress import open_reporter
    from gentri.cli.results import print_json
    from gentri.weights import store

    wanted = [store.find(name) for name in names]
    for weight_file in wanted:
        with open_reporter(weight_file.name) as reporter:

            def report(done: int, total: int | None) -> None:
                reporter.advance(done // _MB, (total or done) // _MB, "MB")

            path = store.fetch(weight_file.name, report)
        if not json:
            print(path)
    if json:
        print_json({"weights": [_described(w) for w in wanted]})


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
