"""The documentation is complete, fresh, and points at what exists."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = (".", "apps", "benchmarks", "data", "docs", "viewer")
PAGES = sorted(page for place in PLACES for page in (ROOT / place).glob("*.md"))

sys.path.insert(0, str(ROOT / "docs"))
import make_tables  # noqa: E402


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert "://" not in link, f"{page.name} links to {link}, which cannot be checked"
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_picture_is_shown_and_small() -> None:
    text = "".join(page.read_text() for page in PAGES)
    pictures = [path for path in (ROOT / "docs" / "pictures").iterdir() if path.suffix in (".jpg", ".png")]
    assert pictures
    for picture in pictures:
        assert f"pictures/{picture.name}" in text, f"no page shows {picture.name}"
        assert picture.stat().st_size <= 300_000, f"{picture.name} is too large"


def test_tables_are_fresh() -> None:
    """``python docs/make_tables.py`` would change nothing."""
    assert (ROOT / "docs" / "methods.md").read_text() == make_tables.methods()
    assert (ROOT / "README.md").read_text() == make_tables.readme()
    assert (ROOT / "docs" / "performance.md").read_text() == make_tables.performance()


def test_the_tutorial_quotes_what_the_pictures_measured() -> None:
    numbers = json.loads((ROOT / "docs" / "pictures" / "numbers.json").read_text())
    text = " ".join((ROOT / "docs" / "tutorial-image.md").read_text().split())
    for name in ("image", "siren", "compact", "jpeg"):
        assert f"{numbers[name]['psnr']:.1f} dB" in text, f"psnr of {name}"
    for name in ("held_image", "held_siren"):
        assert f"{numbers[name]['psnr_holdout']:.1f} dB" in text, f"held-out psnr of {name}"
    for name, digits in (("image", 0), ("compact", 1), ("jpeg", 1)):
        assert f"{numbers[name]['bits_per_pixel']:.{digits}f} bits per pixel" in text, f"bits per pixel of {name}"
    assert f"{numbers['compact']['parameters']:,} numbers" in text
