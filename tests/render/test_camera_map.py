"""A map shows cameras where they are."""

import numpy as np
import torch

from neuralfields.geometry import Camera, Cameras, Lens
from neuralfields.render import CameraGroup, camera_map

UP = torch.tensor([0.0, 0, 1])


def extent(picture: np.ndarray, blue: bool) -> np.ndarray:
    """Left, top, right, bottom of what is drawn in a colour, in the left half."""
    r, g, b = picture[40:730, :700].astype(int).transpose(2, 0, 1)
    y, x = np.nonzero((b - r > 60) & (b - g > 30) if blue else (r - b > 60) & (r - g > 60))
    return np.array([x.min(), y.min() + 40, x.max(), y.max() + 40])


def test_cameras_are_where_they_should() -> None:
    """Three look along +y, from below in the map; one stands right of the others and is of another group."""
    eyes = ((-1.0, 0, 0), (0.0, 0, 0), (1.0, 0, 0))
    cameras = Cameras([Camera.look_at(eye, (eye[0], 5.0, 0.0), (0, 0, 1), size=(40, 30)) for eye in eyes])
    groups = [CameraGroup("left", [0, 1]), CameraGroup("right", [2])]
    picture = camera_map(cameras, groups, up=UP, title="three")
    assert picture.shape[1] == 1400 and picture.dtype == np.uint8
    # The world's x axis is red, too, and shorter than the way to the third.
    left, right = extent(picture, blue=True), extent(picture, blue=False)
    assert left[0] < 70 and left[2] < right[2] and right[2] > 630


def test_what_else_is_drawn() -> None:
    camera = Camera.look_at((0.0, -3.0, 1.0), up=(0, 0, 1), size=(40, 30))
    focus, points = torch.zeros(3, dtype=torch.float64), torch.rand(30_000, 3, dtype=torch.float64)
    bare = camera_map(Cameras([camera]), [CameraGroup("all", [0])], up=UP, focus=focus)
    full = camera_map(
        Cameras([camera]),
        [CameraGroup("all", [0])],
        up=UP,
        focus=focus,
        points=points,
        colours=np.full((30_000, 3), 90),
    )
    assert (full != bare).any(-1).sum() > 1000


def test_lenses_without_corners_and_crowds() -> None:
    pose = torch.eye(4)
    wide = [Camera(pose, 9.0, (40, 30), lens=lens) for lens in (Lens("opencv", (-0.3,)), Lens("fisheye", ()))]
    camera_map(Cameras(wide), [CameraGroup("all", [0, 1])], up=UP)
    many = Cameras([Camera.orbit(0.3 * k, 10.0, up="z", size=(4, 3)) for k in range(1100)])
    camera_map(many, [CameraGroup("none", []), CameraGroup("all", range(1100))], up=UP)
