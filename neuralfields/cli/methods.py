"""``nf methods``: what can be fitted with, and where it comes from."""

import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

from neuralfields.cli.parser import Parser, nearest, needs

Table = dict[str, list[dict[str, Any]]]


def main(words: Sequence[str]) -> int:
    p = Parser("methods", "List the fields and recipes of nf fit, and the building blocks, with their papers.")
    p.add_argument("names", nargs="*", metavar="NAME", help="only these, and what their documentation says")
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.read(words)
    from neuralfields.cli.opening import print_json

    table = listing()
    if options.names:
        table = _only(table, options.names)
    if options.json:
        print_json(table)
        return 0
    told = set()
    for title, rows in table.items():
        print(f"{title}:")
        for row in rows:
            print(f"  {row['name']:<20}{row['summary'].replace('``', '')}")
            if row["paper"]:
                print(f"  {'':<20}{row['paper']}")
            text = row["documentation"]
            if options.names and text not in told:  # a method and its class have the same
                print(textwrap.indent(f"\n{text.replace('``', '')}\n", " " * 4))
                told.add(text)
    return 0


def _only(table: Table, names: Sequence[str]) -> Table:
    """The rows with these names, whatever their capitals."""
    known = {row["name"]: row["name"].lower() for rows in table.values() for row in rows}
    for name in names:
        needs(name.lower() in known.values(), f"nf methods lists no {name}{nearest(name, known)}")
    wanted = {name.lower() for name in names}
    found = {title: [row for row in rows if row["name"].lower() in wanted] for title, rows in table.items()}
    return {title: rows for title, rows in found.items() if rows}


def listing() -> Table:
    """Fields and recipes by name, then every class in ``networks`` and ``encodings``, with their papers."""
    from neuralfields import encodings, fields, networks, recipes

    def row(name: str, thing: Any) -> dict[str, Any]:
        documentation = inspect.getdoc(getattr(thing, "about", thing)) or ""
        summary = getattr(thing, "summary", None) or documentation.splitlines()[0]
        paper = getattr(thing, "paper", "")
        return {"name": name, "summary": summary, "paper": paper, "documentation": documentation}

    return {
        "--field": [row(name, method) for name, method in recipes.METHODS.items()],
        "--recipe": [row(name, function) for name, function in recipes.RECIPES.items()],
        "networks": [row(name, getattr(networks, name)) for name in networks.__all__],
        "encodings": [row(name, getattr(encodings, name)) for name in encodings.__all__],
        "fields": [row(name, getattr(fields, name)) for name in fields.__all__],
    }
