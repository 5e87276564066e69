"""``nf check``: what the cameras of a scene are like, and what is wrong with it."""

from collections.abc import Sequence
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
    p.add_argument("out", type=Path, nargs="?", default=Path("check.png"), metavar="OUT", help="picture (check.png)")
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.read(words)
    with importing():
        from neuralfields.cli.opening import print_json
        from neuralfields.files.images import WRITABLE_SUFFIXES, write_image
        from neuralfields.signals.scene_check import SceneCheck

    suffixes = " ".join(sorted(WRITABLE_SUFFIXES))
    needs(
        options.out.suffix.lower() in WRITABLE_SUFFIXES, f"cannot draw {options.out}: the suffix is one of {suffixes}"
    )
    needs(options.out.parent.is_dir(), f"cannot draw {options.out}: there is no folder {options.out.parent}")
    check = SceneCheck.read(options.path)
    taken = {photo.path.resolve() for photo in check.scene.photos}
    needs(options.out.resolve() not in taken, f"{options.out} is a picture of the scene: choose another name")
    write_image(options.out, check.picture())
    if options.json:
        print_json({**check.to_json(), "picture": str(options.out)})
    else:
        print("\n".join([*check.lines(), f"{options.out}: the cameras from above and from the side"]))
    return 0
