"""``nf methods``: what can be fitted with, and where it comes from."""

from collections.abc import Sequence
from typing import Any

from neuralfields.cli.parser import Parser


def main(words: Sequence[str]) -> int:
    p = Parser("methods", "List the fields and recipes of nf fit, and the building blocks, with their papers.")
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.read(words)
    from neuralfields.cli.opening import print_json

    table = listing()
    if options.json:
        print_json(table)
        return 0
    for title, rows in table.items():
        print(f"{title}:")
        for row in rows:
            print(f"  {row['name']:<20}{row['summary'].replace('``', '')}")
            if row["paper"]:
                print(f"  {'':<20}{row['paper']}")
    return 0


def listing() -> dict[str, list[dict[str, Any]]]:
    """Fields and recipes by name, then every class in ``networks`` and ``encodings``: name, one line, paper."""
    from neuralfields import encodings, fields, networks, recipes

    def row(name: str, thing: Any) -> dict[str, Any]:
        summary = getattr(thing, "summary", None) or (thing.__doc__ or "").strip().splitlines()[0]
        return {"name": name, "summary": summary, "paper": getattr(thing, "paper", "")}

    return {
        "--field": [row(name, method) for name, method in recipes.METHODS.items()],
        "--recipe": [row(name, function) for name, function in recipes.RECIPES.items()],
        "networks": [row(name, getattr(networks, name)) for name in networks.__all__],
        "encodings": [row(name, getattr(encodings, name)) for name in encodings.__all__],
        "fields": [row(name, getattr(fields, name)) for name in fields.__all__],
    }
