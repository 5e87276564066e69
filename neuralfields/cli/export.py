"""``nf export``: a field as a picture, a mesh or a page; of a scene, a mesh with colours."""

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralfields.cli.parser import Parser, crop, importing, needs, size, using

if TYPE_CHECKING:
    from neuralfields.field import Field
    from neuralfields.geometry import Triangles

_EPILOG = """examples:
  nf export runs/photo out.png                               as large as the source
  nf export runs/photo out.png --size 3072x2048 --bits 16    any size: the field is evaluated, not enlarged
  nf export runs/photo eye.png --crop 120,80,220,160 --size 1000x800
  nf export runs/bunny bunny.glb --resolution 512            a closed mesh in the units of the input
  nf export runs/part part.stl --method dual-contouring      sharp edges
  nf export runs/bunny bunny.npz --resolution 128            the values on a lattice
  nf export runs/lego lego.glb --level 0.3                   what is dense in a scene, with colours
  nf export runs/photo photo.html                            a page to be looked at in any browser, in one file
"""
_OPTIONS = {
    "a picture": ("size", "crop", "bits"),
    "a shape": ("resolution", "method", "least_share"),
    "a scene": ("resolution", "level", "least_share"),
    "a page": (),
}
_PAGE = ".html"
_RESOLUTION = 256
# Scenes have specks in the air, and surfaces from points may have bubbles where there are none.
_LEAST_SHARES = {"scene": 1e-3, "points": 1e-2}


def main(words: Sequence[str]) -> int:
    p = Parser("export", "Write a field as a picture, a mesh or a page; the suffix decides the format.", _EPILOG)
    p.add_argument("path", type=Path, metavar="RUN", help="run folder or .nf file")
    p.add_argument("out", type=Path, metavar="OUT", help="picture: .png .tif .jpg .webp .exr .hdr .npy .npz; "
                   "shape or scene: .glb .obj .off .ply .stl, .npz for values on a lattice; .html for a page "
                   "that shows any of them")  # fmt: skip
    pictures = p.add_argument_group("pictures")
    pictures.add_argument("--size", type=size, metavar="WxH", help="in pixels (default: the source's, or the crop's)")
    pictures.add_argument("--crop", type=crop, metavar="L,T,R,B", help="part of the image, in pixels of the source")
    pictures.add_argument("--bits", type=int, choices=(8, 16, 32), help="per channel, as the format allows")
    shapes = p.add_argument_group("shapes and scenes")
    shapes.add_argument("--resolution", type=int, metavar="N", help=f"cells along each axis (default: {_RESOLUTION})")
    shapes.add_argument("--method", choices=("marching-cubes", "dual-contouring"),
                        help="dual-contouring keeps sharp edges (default: marching-cubes)")  # fmt: skip
    shapes.add_argument("--least-share", type=float, metavar="SHARE",
                        help="leave out parts with a smaller share of the largest one's area (default: of scenes "
                        f"{_LEAST_SHARES['scene']:g}, of points {_LEAST_SHARES['points']:g}, else 0)")  # fmt: skip
    shapes.add_argument("--level", type=float, metavar="SHARE",
                        help="of a scene: share of the light that what is dense stops within 1/256 of the box "
                        "(default 0.1)")  # fmt: skip
    p.add_backend()
    p.add_trust()
    options = p.read(words)
    with importing():
        from neuralfields.cli.opening import is_source, open_field
        from neuralfields.files.images import WRITABLE_SUFFIXES
        from neuralfields.files.meshes import WRITABLE_MESH_SUFFIXES

    of_shapes = {*WRITABLE_MESH_SUFFIXES, ".npz"}
    suffix, told = options.out.suffix.lower(), (" ".join(sorted(kinds)) for kinds in (WRITABLE_SUFFIXES, of_shapes))
    needs(
        suffix in {*WRITABLE_SUFFIXES, *of_shapes, _PAGE},
        "cannot export to {}: the suffix is one of {} for a picture, {} for a shape and {} for a page, and the order "
        "is nf export RUN OUT".format(options.out, *told, _PAGE),
    )
    needs(options.out.parent.is_dir(), f"cannot export to {options.out}: there is no folder {options.out.parent}")
    field, _ = open_field(options.path, tuple(options.trust))
    needs(not is_source(options.path, options.out), f"{options.out} is what the run was fitted to: choose another name")
    kind = {2: "a picture", 6: "a scene"}.get(field.in_dim, "a shape")
    known = sorted({*(WRITABLE_SUFFIXES if kind == "a picture" else of_shapes), _PAGE})
    needs(suffix in known, f"{options.path} is {kind} and cannot be exported to {options.out}: use {' '.join(known)}")
    kind = "a page" if suffix == _PAGE else kind
    for name in {name: None for names in _OPTIONS.values() for name in names if name not in _OPTIONS[kind]}:
        told = f"a page, which {options.out} is" if suffix == _PAGE else f"{kind}, which {options.path} is"
        needs(getattr(options, name) is None, f"--{name.replace('_', '-')} is not for {told}")
    with using(options.backend):
        written = {"a picture": _picture, "a shape": _shape, "a scene": _scene, "a page": _page}[kind](field, options)
    print(f"{options.out}: {written}, {options.out.stat().st_size / 1e6:.2f} MB")
    return 0


def _picture(field: "Field", options: argparse.Namespace) -> str:
    from neuralfields.storage.export import export_image

    width, height = export_image(field, options.out, size=options.size, crop=options.crop, bits=options.bits)
    return f"{width}x{height}, {field.out_dim} channels"


def _shape(field: "Field", options: argparse.Namespace) -> str:
    from neuralfields.storage.export import export_lattice, export_mesh

    resolution = _RESOLUTION if options.resolution is None else options.resolution
    if options.out.suffix.lower() == ".npz":
        _only_of_meshes(options, ("method", "least_share"))
        return "x".join(map(str, export_lattice(field, options.out, resolution=resolution))) + " values"
    kind = field.provenance.get("signal", {}).get("kind", "")
    given = {"least_share": _LEAST_SHARES.get(kind, 0.0), **_given(options, ("method", "least_share"))}
    return _told(export_mesh(field, options.out, resolution=resolution, **given))


def _scene(field: "Field", options: argparse.Namespace) -> str:
    from neuralfields.storage.export_scene import export_scene_lattice, export_scene_mesh

    resolution = _RESOLUTION if options.resolution is None else options.resolution
    if options.out.suffix.lower() == ".npz":
        _only_of_meshes(options, ("level", "least_share"))
        shape = export_scene_lattice(field, options.out, resolution=resolution)
        return "x".join(map(str, shape)) + " densities and colours"
    given = {"least_share": _LEAST_SHARES["scene"], **_given(options, ("least_share",))}
    needs(options.level is None or 0 < options.level < 1, f"--level is above 0 and below 1, got {options.level}")
    given |= {} if options.level is None else {"opacity": options.level}
    return _told(export_scene_mesh(field, options.out, resolution=resolution, **given))


def _page(_field: "Field", options: argparse.Namespace) -> str:
    from neuralfields.errors import InputError
    from neuralfields.viewer.page import export_page
    from neuralfields.viewer.sources import opened

    session = opened([options.path], trust=tuple(options.trust))
    for item in session.items:
        # Cameras come from a scene's photos; the page is whole without them.
        with contextlib.suppress(InputError):
            item.complete()
    export_page(options.out, session.items, title=session.title, fits=session.hello().fits)
    return f"a page with {session.items[0].shown.parameters:,} numbers"


def _only_of_meshes(options: argparse.Namespace, names: Sequence[str]) -> None:
    for name in names:
        needs(getattr(options, name) is None, f"--{name.replace('_', '-')} is for meshes, {options.out} is none")


def _given(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _told(mesh: "Triangles") -> str:
    """What a mesh is like."""
    from neuralfields.geometry import topology

    found = topology(mesh)
    parts = f"{found.components} component{'s' * (found.components != 1)}"
    state = "watertight" if found.closed else "not watertight"
    if found.non_manifold_edges:
        state += f", {found.non_manifold_edges:,} edges with more than two faces"
    return f"{len(mesh.vertices):,} vertices, {len(mesh.faces):,} faces, {parts}, {state}"
