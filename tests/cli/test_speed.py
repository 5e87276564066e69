"""What a fit must not spend its time on."""

import subprocess

import pytest
from nf_helpers import command


@pytest.mark.parametrize(
    "words", [["--field", "hash"], ["--field", "fourier", "--batch", "64"]], ids=["fused", "modular"]
)
def test_a_fit_loads_only_what_it_uses(folder, words):
    """torch.compile takes a second to import, scikit-image, OpenEXR and rich some tenths."""
    unwanted = ["torch._dynamo", "torch._inductor", "sympy", "skimage", "scipy", "OpenEXR", "tifffile", "rich"]
    code = f"import atexit; atexit.register(lambda: print('LOADED', *[m for m in {unwanted!r} if m in sys.modules]))"
    process = command("fit", "a.png", "--steps", 3, *words, code=code)
    done = subprocess.run(process, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "LOADED"
