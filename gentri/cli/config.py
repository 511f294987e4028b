"""`gentri config`: every setting."""

from dataclasses import asdict
from textwrap import fill

from gentri.cli import options
from gentri.cli.failures import printable


def config(
    session: options.SessionFolder = options.DEFAULT_SESSION, json: options.Json = False
) -> None:
    """List every setting: unit and reason, value, where the value is from."""
    from gentri import stages
    from gentri.cli.request import settings_file
    from gentri.cli.results import print_json
    from gentri.configs.schema import shown
    from gentri.configs.settings import list_settings

    settings = list_settings(stages.STAGES, settings_file(session))
    if json:
        print_json({"settings": [asdict(s) for s in settings]})
        return
    for s in settings:
        origin = s.source if s.source == "default" else f"{s.source}, default {shown(s.default)}"
        print(printable(f"{s.stage}.{s.name} = {shown(s.value)}  ({origin})"))
        for text in filter(None, (s.comment, f"Allowed: {s.allowed}.")):
            print(printable(fill(text, 100, initial_indent="    ", subsequent_indent="    ")))
