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
import comparison_tables  # noqa: E402
import make_tables  # noqa: E402

from neuralfields import recipes  # noqa: E402
from neuralfields.bench import machine  # noqa: E402


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
    assert (ROOT / "docs" / "comparison.md").read_text() == make_tables.comparison()


def test_comparisons_of_whatever_there_is(tmp_path: Path) -> None:
    """Ours beside the papers' figures, in columns of their own; a method that lacks an image has no mean."""
    empty = comparison_tables.sections(tmp_path)
    assert empty["methods"] == empty["spectrum"] == "Not measured yet.\n" and "| SIREN | 33.47 |" in empty["papers"]

    def row(method: str, image: str, psnr: float) -> dict[str, object]:
        counts = {"params": 999, "batch": 8, "steps": 3, "samples": 24, "fit_seconds": 1.0, "peak_memory_mib": 1}
        key = {"method": method, "image": image, "seed": 0, "backend": "reference", "kernels": {}, "threads": 2}
        return {**key, **counts, "psnr": psnr, "ssim": 0.5, "shape": [4, 6, 3]}

    broken = {"method": "wire", "image": "b.png", "seed": 0, "backend": "reference", "error": "the <loss> became nan"}
    rows = [row("siren", "a.png", 30.0), row("siren", "b.png", 31.0), row("wire", "a.png", 20.0), broken]
    settings = {"params": 1000, "seconds": 5.0, "steps": None, "threads": None}
    report = machine.report(["nf", "bench", "methods"], {"settings": settings, "rows": rows})
    (tmp_path / "methods_few.json").write_text(json.dumps(report))
    found = comparison_tables.sections(tmp_path)
    assert "2 images of 6×4, about 1,000 parameters, 5 s of fitting, 2 threads" in found["methods"]
    assert "| siren | 999 | 8 | 3 | 1.0 | 2.4e-05 | 1 | 30.00 | 31.00 | 0.5000 | 30.50 |" in found["methods"]
    assert "- wire failed on b.png: the \\<loss\\> became nan" in found["methods"]
    assert "| SIREN | 33.47 | 0.896 | 198,915 | 65,536 | SL2A page | project page | 30.50 | 999 |" in found["papers"]
    assert "| WIRE | 30.63 | 0.818 | 91,600 | 65,536 | SL2A page | project page | - | - |" in found["papers"]


def test_orders_beside_the_papers() -> None:
    psnrs = {"siren": 31.0, "finer": 30.9, "gauss": 35.0, "hash": 40.0}
    about = {"image": "a.png", "seed": 0, "backend": "reference", "params": 9}
    rows = [{**about, "method": method, "psnr": psnr} for method, psnr in psnrs.items()]
    text = comparison_tables.orders("few", {"results": {"rows": rows}})
    assert "| SL2A page | finer, gauss, siren | gauss, siren, finer | 1 | 1 | 1 |" in text
    assert "| GaussianImage, Kodak | hash, siren | hash, siren | 1 | 0 | 0 |" in text and "DIV2K-256" not in text


def test_papers_figures_have_a_protocol() -> None:
    known = json.loads((ROOT / "benchmarks" / "papers.json").read_text())
    for row in known["rows"]:
        protocol = known["protocols"][row["protocol"]]
        assert protocol["certainty"] in known["certainty"] and all(protocol.values())
        assert row["method"] is None or row["method"] in recipes.METHODS, row
        assert 0 < row.get("psnr", 30) < 80 and 0 < row.get("ssim", 0.5) < 1


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
