"""From a radiance field to a file: a coloured mesh of what is dense, a lattice of densities and colours."""

import os

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError, NoSurface
from neuralfields.field import Field, device_of, evaluate
from neuralfields.files.meshes import write_mesh
from neuralfields.geometry import Triangles
from neuralfields.render import Surface, extract, outward_slopes
from neuralfields.render.surface import OPACITY
from neuralfields.storage.export import BOX, check_mesh_path, in_world
from neuralfields.storage.lattice_file import Layer, write_lattice

_FAINT = 1e-3  # density per box unit below which nothing has a colour


def export_scene_mesh(
    field: Field,
    path: str | os.PathLike[str],
    *,
    resolution: int = 256,
    opacity: float = OPACITY,
    least_share: float = 0.0,
) -> Triangles:
    """Write the surface of what is dense in a radiance field as a closed mesh; the suffix decides the format.

    The mesh has the units and the position of the scene. Its vertices have the colour that they show to who looks at
    them from straight above, and smooth normals, as far as the format has these. What leaves the box is cut off.

    Args:
        field: from position and direction to density and colour; has ``density``.
        path: .glb, .obj, .off, .ply or .stl.
        resolution: cells along each axis of the box, 2 to 2048.
        opacity: see ``Surface.of_density``; less gives a fuller surface, and more of what is only mist.
        least_share: parts whose area is a smaller share of the largest part's are left out, 0 to 1.

    Returns:
        The mesh as it was written.

    Raises:
        InputError: the field is no radiance field or nothing in it is dense enough, a number is out of range, or the
            file cannot be written.
    """
    check_mesh_path(path)
    _check(field)
    try:
        mesh = extract(Surface.of_density(field, opacity), resolution, least_share=least_share).triangles
    except NoSurface:
        raise InputError(
            f"nothing in the scene is so dense that a 256th of the box's side stops {opacity:g} of the light: a lower "
            f"level, as in --level {opacity / 3:.2g}, or a longer fit makes a mesh"
        ) from None
    frame, points = field.frame or BOX, torch.from_numpy(mesh.vertices).float()
    triangles, normals = in_world(mesh, frame), _normals(field, mesh)
    colours = _colours(field, points, -normals)
    turned = torch.nn.functional.normalize(frame.gradient_to_world(normals.double()), dim=1)
    write_mesh(path, triangles.vertices, triangles.faces, normals=turned.numpy(), colours=colours)
    return triangles


def export_scene_lattice(field: Field, path: str | os.PathLike[str], *, resolution: int = 256) -> tuple[int, int, int]:
    """Write densities and colours of a radiance field at the nodes of a lattice as .npz, in parts.

    The arrays are ``density`` [n, n, n] float32 for x, y, z with n = resolution + 1, per unit of length in the world,
    ``colour`` [n, n, n, 3] uint8, the mean of what is seen along the six axes, 0 where there is nothing, the nodes'
    world coordinates ``x``, ``y`` and ``z`` [n] float64, their ``spacing`` [3], and ``form``: "radiance".

    Args:
        field: as for ``export_scene_mesh``.
        path: ends in .npz.
        resolution: cells along each axis of the box, 2 to 1024.

    Returns:
        The shape of the densities.

    Raises:
        InputError: the field is no radiance field, its frame turns it, a number is out of range, or the file cannot be
            written.
    """
    _check(field)
    frame, device = field.frame or BOX, device_of(field)

    def density(points: Tensor) -> Tensor:
        return evaluate(field.density, points.to(device)).cpu()  # type: ignore[arg-type]

    def colour(points: Tensor) -> np.ndarray:
        found = np.zeros((len(points), 3), np.float32)
        there = density(points) > _FAINT
        for axis in torch.cat([torch.eye(3), -torch.eye(3)]):
            found[there] += _colours(field, points[there], axis.expand(int(there.sum()), 3)) / 6
        return np.rint(255 * found)

    layers = {
        "density": Layer(lambda points: density(points).numpy() / frame.scale),
        "colour": Layer(colour, "|u1", (3,)),
    }
    return write_lattice(path, frame, resolution, "radiance", layers)


def _colours(field: Field, points: Tensor, directions: Tensor) -> np.ndarray:
    """Colours [n, 3] in [0, 1] of points [n, 3] that are looked at along directions [n, 3]."""
    values = evaluate(field, torch.cat([points, directions], -1).to(device_of(field)))
    return values[:, 1:].clamp(0, 1).cpu().numpy()


def _normals(field: Field, mesh: Triangles) -> Tensor:
    """Unit normals [v, 3] of a mesh in box coordinates, by the density; where that does not change, by the faces."""
    points, by_faces = (torch.from_numpy(part).float() for part in (mesh.vertices, mesh.vertex_normals))
    found = evaluate(lambda x: outward_slopes(field.density, x), points.to(device_of(field))).cpu()  # type: ignore
    return torch.where(found.norm(dim=1, keepdim=True) > 0, torch.nn.functional.normalize(found, dim=1), by_faces)


def _check(field: Field) -> None:
    if (field.in_dim, field.out_dim) != (6, 4) or not hasattr(field, "density"):
        raise InputError(
            f"a scene is a field from position and direction to density and colour, 6 to 4 values; this goes from "
            f"{field.in_dim} to {field.out_dim}"
        )
