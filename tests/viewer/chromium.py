"""A headless Chromium for tests: WebGL on one of two software drivers, and TypeScript modules made into one script."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

VIEWER = Path(__file__).parents[2] / "viewer"
CHROMIUM = Path(os.environ.get("NF_CHROMIUM") or "/usr/bin/chromium")
LAVAPIPE = next(Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json"), None)
DRIVERS = ("swiftshader", "lavapipe")
_FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-gpu-blocklist",
)


def missing(reason: str) -> None:
    """Skip a test that needs what is not there; in CI all must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    """Playwright's driver: for one module, because its event loop would be in the way of other tests' loops."""
    if not CHROMIUM.is_file():
        missing(f"no browser at {CHROMIUM}: install chromium, or set NF_CHROMIUM to where it is")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: pip install playwright")
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def chromium(playwright: Any) -> Iterator[Any]:
    """A browser that draws with SwiftShader, which Chromium brings along."""
    browser = launched(playwright, "swiftshader")
    yield browser
    browser.close()


@pytest.fixture(scope="module", params=DRIVERS)
def each_chromium(playwright: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A browser for each of the two software drivers, one after the other."""
    browser = launched(playwright, request.param)
    yield browser
    browser.close()


def launched(playwright: Any, driver: str) -> Any:
    """A browser with a fresh profile whose WebGL is drawn by "swiftshader" or "lavapipe"."""
    environment = dict(os.environ)
    if driver == "lavapipe":
        if LAVAPIPE is None:
            missing("no lavapipe in /usr/share/vulkan/icd.d: install mesa-vulkan-drivers")
        environment["VK_DRIVER_FILES"] = environment["VK_ICD_FILENAMES"] = str(LAVAPIPE)
        flags = ()  # what the environment names is taken, and --use-angle=vulkan finds no surface
    else:
        flags = "--use-angle=swiftshader", "--enable-unsafe-swiftshader"
    return playwright.chromium.launch(
        executable_path=str(CHROMIUM), headless=True, args=[*_FLAGS, *flags], env=environment, timeout=60_000
    )


def blank(browser: Any, *modules: str) -> Any:
    """An empty page whose global ``nf`` has the exports of modules, named from ``viewer/src`` on."""
    script = bundled(*modules)
    page = browser.new_page()
    page.add_script_tag(content=script)
    return page


@cache
def bundled(*modules: str) -> str:
    """One classic script of TypeScript modules, which sets the global ``nf``."""
    esbuild = VIEWER / "node_modules" / ".bin" / "esbuild"
    if shutil.which("node") is None or not esbuild.exists():
        missing(f"the viewer's sources are bundled by node and esbuild: run npm ci in {VIEWER}")
    entry = "\n".join(f'export * from "./src/{module}";' for module in modules)
    command = [str(esbuild), "--bundle", "--format=iife", "--global-name=nf", "--target=es2022", "--loader=ts"]
    done = subprocess.run(command, input=entry, cwd=VIEWER, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def renderer(page: Any) -> str:
    """What WebGL says that it draws with."""
    return page.evaluate(
        """() => {
            const gl = document.createElement("canvas").getContext("webgl2");
            const told = gl.getExtension("WEBGL_debug_renderer_info");
            return gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
        }"""
    )
