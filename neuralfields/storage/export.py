"""From a field back to a file: a picture at any size and crop, a mesh at any resolution, a lattice of values."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from neuralfields.checks import one_of
from neuralfields.errors import InputError
from neuralfields.field import Field, device_of, evaluate
from neuralfields.files.images import WRITABLE_SUFFIXES, write_image
from neuralfields.files.meshes import WRITABLE_MESH_SUFFIXES, write_mesh
from neuralfields.geometry import Frame, Triangles
from neuralfields.render import Extracted, Surface, contour, extract
from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.storage.lattice_file import Layer, write_lattice

METHODS: dict[str, Callable[..., Extracted]] = {"marching-cubes": extract, "dual-contouring": contour}
_LIGHT = (".exr", ".hdr")
BOX = Frame.of_box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


def export_image(
    field: Field,
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    crop: tuple[float, float, float, float] | None = None,
    bits: int | None = None,
) -> tuple[int, int]:
    """Write a 2-D field as a picture; the suffix decides the format.

    A field fitted to linear light (HDR) is written to PNG, JPEG and WebP, and to TIFF below 32 bits, as a screen shows
    it (clipped, sRGB curve); one fitted to display values is written to EXR and HDR as linear light. NPY, NPZ and
    32-bit TIFF take the values as they are.

    Args:
        field: a field over the plane; its frame gives the size of the image it was fitted to.
        path: .png, .tif, .jpg, .webp, .exr, .hdr, .npy or .npz.
        size: (width, height) in pixels; by default one pixel per unit of the frame.
        crop: (left, top, right, bottom) in pixels of the fitted image; all of it by default.
        bits: per channel, 8, 16 or 32 as the format allows.

    Returns:
        The size written.

    Raises:
        InputError: the suffix is unknown, the crop lies outside the image, or there is no frame to take a size from.
    """
    if Path(path).suffix.lower() not in WRITABLE_SUFFIXES:
        known = " ".join(sorted(WRITABLE_SUFFIXES))
        raise InputError(f"cannot export to {path}: the suffix is one of {known}")
    if field.frame is None and (size is None or crop is not None):
        raise InputError("this field does not know its image's size: give the size, and no crop")
    box = (-1.0, -1.0, 1.0, 1.0)
    if field.frame is not None:
        corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
        low, high = field.frame.to_world(corners).tolist()
        region = crop or (*low, *high)
        if not (low[0] <= region[0] < region[2] <= high[0] and low[1] <= region[1] < region[3] <= high[1]):
            text = ",".join(f"{value:g}" for value in region)
            raise InputError(
                f"the crop is left,top,right,bottom and must lie within the image, 0,0 to {high[0]:g},{high[1]:g}, "
                f"got {text}"
            )
        size = size or (max(1, round(region[2] - region[0])), max(1, round(region[3] - region[1])))
        inside = torch.tensor([region[:2], region[2:]], dtype=torch.float64)
        box = tuple(field.frame.to_box(inside).flatten().tolist())
    assert size is not None
    values = image_values(field, size, crop=box)  # type: ignore[arg-type]
    colour = (field.provenance.get("signal") or {}).get("colour")
    suffix = Path(path).suffix.lower()
    as_is = suffix in (".npy", ".npz") or (suffix in (".tif", ".tiff") and bits == 32)
    if colour == "linear" and not as_is and suffix not in _LIGHT:
        values = displayed(values, linear=True)
    if colour == "srgb" and suffix in _LIGHT:
        values = as_light(values)
    write_image(path, values, bits=bits)
    return size


def export_mesh(
    field: Field,
    path: str | os.PathLike[str],
    *,
    resolution: int = 256,
    method: str = "marching-cubes",
    least_share: float = 0.0,
) -> Triangles:
    """Write the surface of a 3-D field as a closed mesh with smooth normals; the suffix decides the format.

    The mesh has the units and the position of what the field was fitted to. An unsigned distance, whose surface has no
    inside, becomes a shell around it, at least two cells thick.

    Args:
        field: from 3 coordinates to 1 value; its provenance tells what the values are, signed distances by default.
        path: .glb, .obj, .off, .ply or .stl.
        resolution: cells along each axis of the box, 2 to 2048.
        method: "marching-cubes" (``render.extract``), or "dual-contouring" for sharp edges (``render.contour``).
        least_share: parts whose area is a smaller share of the largest part's are left out, 0 to 1.

    Returns:
        The mesh as it was written.

    Raises:
        InputError: the field is no shape or has no surface, a name or number is none of the above, or the file cannot
            be written.
    """
    one_of(METHODS, method=method)
    check_mesh_path(path)
    surface = Surface.of(field)
    mesh = METHODS[method](surface.for_cells(resolution), resolution, least_share=least_share)
    frame = field.frame or BOX
    triangles = in_world(mesh.triangles, frame)
    gradients = frame.gradient_to_world(torch.from_numpy(mesh.normals).double()) * frame.scale
    normals = torch.nn.functional.normalize(gradients, dim=1)
    write_mesh(path, triangles.vertices, triangles.faces, normals=normals.numpy())
    return triangles


def check_mesh_path(path: str | os.PathLike[str]) -> None:
    """Raise InputError where no mesh is written to such a name."""
    if Path(path).suffix.lower() not in WRITABLE_MESH_SUFFIXES:
        known = " ".join(sorted(WRITABLE_MESH_SUFFIXES))
        raise InputError(f"cannot export a shape to {path}: the suffix is one of {known}")


def in_world(triangles: Triangles, frame: Frame) -> Triangles:
    """A mesh in box coordinates in those of the world; still counter-clockwise seen from outside."""
    vertices = frame.to_world(torch.from_numpy(triangles.vertices)).numpy()
    mirrored = np.linalg.det(np.array(frame.matrix)) < 0
    return Triangles(vertices, triangles.faces[:, ::-1] if mirrored else triangles.faces)


def export_lattice(field: Field, path: str | os.PathLike[str], *, resolution: int = 256) -> tuple[int, int, int]:
    """Write the values of a 3-D field at the nodes of a lattice as .npz, evaluated and written in parts.

    The arrays are ``values`` [n, n, n] float32 for x, y, z with n = resolution + 1, the nodes' world coordinates ``x``,
    ``y`` and ``z`` [n] float64, their ``spacing`` [3], and ``form``: "sdf" and "udf" are distances in world units,
    negative inside for the former, "occupancy" is logits, positive inside.

    Args:
        field: from 3 coordinates to 1 value.
        path: ends in .npz.
        resolution: cells along each axis of the box, 2 to 1024.

    Returns:
        The shape of the values.

    Raises:
        InputError: the field is no shape, its frame turns it, a number is out of range, or the file cannot be written.
    """
    surface, frame = Surface.of(field), field.frame or BOX
    scale = frame.scale if surface.metric else 1.0

    def values(points: torch.Tensor) -> np.ndarray:
        return evaluate(surface.field, points.to(device_of(field))).cpu().numpy() * scale

    return write_lattice(path, frame, resolution, surface.form, {"values": Layer(values)})
