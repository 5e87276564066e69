"""Meshes whose facts are known."""

import numpy as np

from neuralfields.geometry import Triangles


def sphere(level: int = 3, radius: float = 1.0, centre: tuple[float, float, float] = (0, 0, 0)) -> Triangles:
    """An icosahedron whose faces were cut into four ``level`` times; 20 * 4^level faces, oriented outwards."""
    p = (1 + 5**0.5) / 2
    corners = [(-1, p, 0), (1, p, 0), (-1, -p, 0), (1, -p, 0)]
    vertices = np.array([np.roll(corner, k) for k in range(3) for corner in corners], float)
    faces = np.array(
        [(i, j, k) for i in range(12) for j in range(i) for k in range(j)
         if max(np.linalg.norm(vertices[a] - vertices[b]) for a, b in ((i, j), (j, k), (k, i))) < 2.1]
    )  # fmt: skip
    inwards = np.linalg.det(vertices[faces]) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    mesh = Triangles(vertices, faces)
    for _ in range(level):
        mesh = quartered(mesh)
    vertices = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    return Triangles(vertices * radius + centre, mesh.faces)


def torus(rings: int = 24, sides: int = 12, radius: float = 1.0, tube: float = 0.4) -> Triangles:
    """Around z, oriented outwards; 2 * rings * sides faces."""
    i, j = (index.ravel() for index in np.meshgrid(np.arange(rings), np.arange(sides), indexing="ij"))
    u, v = 2 * np.pi * i / rings, 2 * np.pi * j / sides
    away = radius + tube * np.cos(v)
    vertices = np.stack([away * np.cos(u), away * np.sin(u), tube * np.sin(v)], 1)
    a, b = i * sides + j, (i + 1) % rings * sides + j
    c, d = (i + 1) % rings * sides + (j + 1) % sides, i * sides + (j + 1) % sides
    return Triangles(vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))


def strip(length: int = 30, twisted: bool = False) -> Triangles:
    """A closed band of 2 * length faces; ``twisted`` makes it a Möbius strip."""
    u = 2 * np.pi * np.arange(length) / length
    ring = np.stack([np.cos(u), np.sin(u), 0 * u], 1)
    half = u / 2 if twisted else 0 * u
    across = np.stack([np.cos(half) * np.cos(u), np.cos(half) * np.sin(u), np.sin(half)], 1) if twisted else [0, 0, 1]
    vertices = np.stack([ring - np.multiply(0.3, across), ring + np.multiply(0.3, across)], 1).reshape(-1, 3)
    now = 2 * np.arange(length)
    then = np.roll(now, -1)
    low, high = then.copy(), then + 1
    if twisted:
        low[-1], high[-1] = high[-1], low[-1]
    return Triangles(vertices, np.concatenate([np.stack([now, low, high], 1), np.stack([now, high, now + 1], 1)]))


def quartered(mesh: Triangles) -> Triangles:
    """Each face cut into four at the middles of its edges."""
    edges = np.sort(np.stack([mesh.faces, np.roll(mesh.faces, -1, axis=1)], 2).reshape(-1, 2), axis=1)
    unique, number = np.unique(edges, axis=0, return_inverse=True)
    middle = len(mesh.vertices) + number.reshape(-1, 3)
    (a, b, c), (ab, bc, ca) = mesh.faces.T, middle.T
    faces = np.concatenate([np.stack(corners, 1) for corners in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return Triangles(np.concatenate([mesh.vertices, mesh.vertices[unique].mean(1)]), faces)


def joined(*meshes: Triangles) -> Triangles:
    """Several meshes as one."""
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    faces = [mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=False)]
    return Triangles(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces))


def soup(mesh: Triangles) -> Triangles:
    """The same faces, none of which shares a vertex with another."""
    return Triangles(mesh.corners.reshape(-1, 3), np.arange(3 * len(mesh.faces)).reshape(-1, 3))
