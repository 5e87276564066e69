"""``nf check``: what the cameras of a scene are like, and what is wrong with it."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from neuralfields.cli.parser import Parser, importing, needs

_EPILOG = """examples:
  nf check scenes/fox                       tells what was recognised, draws the cameras in check.png
  nf check scenes/lego cameras.png --json   the same as JSON

scenes: Blender (transforms_train.json), nerfstudio and instant-ngp (transforms.json), COLMAP (sparse/0), LLFF
(poses_bounds.npy). In the picture a camera is a pyramid whose base is its picture, with a thick upper edge; the cross
is what they look at."""


def main(words: Sequence[str]) -> int:
    p = Parser("check", "Tell what the cameras of a scene are like, and what is wrong with it.", _EPILOG)
    p.add_argument("path", type=Path, metavar="SCENE", help="folder of posed photos, or its JSON file")
    text = "picture (check.png, or check-2.png and so on where that is there already)"
    p.add_argument("out", type=Path, nargs="?", metavar="OUT", help=text)
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.read(words)
    with importing():
        from neuralfields.cli.opening import print_json
        from neuralfields.files.images import WRITABLE_SUFFIXES, write_image
        from neuralfields.signals.scene_check import SceneCheck

    out = options.out or _free("check", ".png")
    suffixes = " ".join(sorted(WRITABLE_SUFFIXES))
    needs(out.suffix.lower() in WRITABLE_SUFFIXES, f"cannot draw {out}: the suffix is one of {suffixes}")
    needs(out.parent.is_dir(), f"cannot draw {out}: there is no folder {out.parent}")
    check = SceneCheck.read(options.path)
    taken = {photo.path.resolve() for photo in check.scene.photos}
    needs(out.resolve() not in taken, f"{out} is a picture of the scene: choose another name")
    write_image(out, check.picture())
    if options.json:
        print_json({**check.to_json(), "picture": str(out)})
    else:
        print("\n".join([*check.lines(), f"{out}: the cameras from above and from the side"]))
    return 0


def _free(stem: str, suffix: str) -> Path:
    """The first name that nothing has yet, with -2, -3 and so on."""
    names = (Path(f"{stem}{f'-{number}' if number > 1 else ''}{suffix}") for number in count(1))
    return next(path for path in names if not path.exists())
