"""The page's types are those of the server's classes."""

from pathlib import Path

from neuralfields.viewer.typescript import typescript


def test_types_of_the_page_are_made_anew():
    place = Path(__file__).parents[2] / "viewer" / "src" / "protocol.ts"
    assert place.read_text("utf-8") == typescript(), "run python -m neuralfields.viewer.typescript"


def test_how_types_are_said():
    text = typescript()
    assert 'export type Kind = "image" | "shape" | "radiance" | "slices";' in text
    assert "  readonly focal: readonly [number, number];" in text
    assert "  readonly program: Program | null;" in text
    assert "  readonly nodes: readonly Node[];" in text
    assert "  readonly function: Function | null;" in text
    assert '  readonly interpolation: "linear" | "smoothstep";' in text
    assert "/** The coordinates: the first node of every program. */" in text
