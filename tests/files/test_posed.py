"""Scenes of posed photos: what is written is read, four formats mean the same rays, and bad data is one clear line."""

import json
import math
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.images import write_image
from neuralfields.files.posed import FORMATS, PosedPhoto, colmap, read_scene, recognise, write_scene
from neuralfields.geometry import Camera, Cameras

SIZE = (24, 16)
POINTS = np.array([[0.1, 0.2, 0.3], [-1.0, 0.5, 2.0]])
COLOURS = np.array([[255, 0, 7], [1, 2, 3]], np.uint8)


def picture(path: Path, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.zeros((size[1], size[0], 3), np.uint8))
    return path


def around(folder: Path, count: int = 4) -> list[PosedPhoto]:
    """Photos from an orbit, with plain cameras that all formats can hold."""
    poses = [Camera.orbit(360 * k / count, 20 + k, 4.0, up="z", size=SIZE).pose.numpy() for k in range(count)]
    middle = SIZE[0] / 2, SIZE[1] / 2
    paths = [picture(folder / "images" / f"{k:02}.png") for k in range(count)]
    return [
        PosedPhoto(path, pose, (31.0, 31.0), middle, SIZE, near=2.0, far=6.5)
        for path, pose in zip(paths, poses, strict=True)
    ]


def with_lenses(folder: Path) -> list[PosedPhoto]:
    """Photos of several sizes with any kind of camera."""
    first, second, third, fourth = around(folder)
    picture(second.path, (30, 20))
    return [
        replace(first, focal=(31.0, 33.0), centre=(11.0, 8.5), lens=("opencv", (0.1, -0.02, 0.001, -0.002))),
        replace(second, size=(30, 20), centre=(15.5, 9.0), lens=("fisheye", (0.01, 0.02, -0.003, 0.0004))),
        replace(third, lens=("opencv", (0.1, 0.02, 0.0, 0.0, 0.003, 0.2, 0.01, 0.001))),
        fourth,
    ]


def rays(photos: tuple[PosedPhoto, ...] | list[PosedPhoto]) -> torch.Tensor:
    cameras = Cameras([Camera.of(photo) for photo in photos])
    view = torch.arange(len(cameras)).repeat_interleave(3)
    pixels = torch.tensor([[0.5, 0.5], [7.25, 12.0], [23.5, 15.5]], dtype=torch.float64).repeat(len(cameras), 1)
    found = cameras.rays(view, pixels, dtype=torch.float64)
    return torch.cat([found.origin, found.direction], -1)


def write_json(path: Path, tree: Any) -> Path:
    path.write_text(json.dumps(tree))
    return path.parent


def scene_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """The JSON of a scene of three photos, which exist."""
    frames = [
        {"file_path": f"images/{photo.path.name}", "transform_matrix": [*photo.pose.tolist(), [0, 0, 0, 1]]}
        for photo in around(folder, 3)
    ]
    return {"fl_x": 31.0, "w": SIZE[0], "h": SIZE[1], "frames": frames, **changes}


def refused(folder: Path, *words: str, **settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_scene(folder, **settings)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 500
    assert not [word for word in words if word not in text], text
    return text


# ---- there and back ----


def test_four_formats_tell_the_same_rays(tmp_path: Path) -> None:
    photos = around(tmp_path)
    wanted = rays(photos)
    for name in FORMATS:
        write_scene(tmp_path, photos, name)
        scene = read_scene(tmp_path, format=name)
        assert scene.format == name and [photo.path for photo in scene.photos] == [photo.path for photo in photos]
        torch.testing.assert_close(rays(scene.photos), wanted, rtol=0, atol=1e-13)
        assert all(photo.size == SIZE and photo.focal == pytest.approx((31, 31)) for photo in scene.photos)
        assert not scene.left_out and not scene.notes
        if name in ("nerfstudio", "llff"):
            assert [(photo.near, photo.far) for photo in scene.photos] == [(2.0, 6.5)] * len(photos)
    colmap.write(tmp_path, photos, binary=False)
    for file in (tmp_path / "sparse/0").glob("*.bin"):
        file.unlink()
    torch.testing.assert_close(rays(read_scene(tmp_path, format="colmap").photos), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", ["nerfstudio", ".bin", ".txt"])
def test_lenses_shifts_and_sizes(kind: str, tmp_path: Path) -> None:
    photos = with_lenses(tmp_path)
    if kind == "nerfstudio":
        write_scene(tmp_path, photos, "nerfstudio", points=POINTS, colours=COLOURS)
    else:
        colmap.write(tmp_path, photos, POINTS, COLOURS, binary=kind == ".bin")
    scene = read_scene(tmp_path)
    torch.testing.assert_close(rays(scene.photos), rays(photos), rtol=0, atol=1e-13)
    assert [photo.size for photo in scene.photos] == [photo.size for photo in photos]
    assert scene.points is not None and scene.colours is not None
    assert np.array_equal(scene.points, POINTS) and np.array_equal(scene.colours, COLOURS)


def test_splits_times_and_companions(tmp_path: Path) -> None:
    first, second, third = around(tmp_path, 3)
    mask, depth = picture(tmp_path / "masks/a.png"), picture(tmp_path / "depths/b.png")
    photos = [
        replace(first, split="train", time=0.25, mask=mask),
        replace(second, split="test", depth=depth, normal=mask),
        third,
    ]
    write_scene(tmp_path, photos, "nerfstudio")
    scene = read_scene(tmp_path)
    told = ("split", "time", "mask", "depth", "normal")
    assert [[getattr(p, name) for name in told] for p in scene.photos] == [
        [getattr(p, name) for name in told] for p in photos
    ]
    write_scene(tmp_path, photos, "blender")
    beside = [picture(tmp_path / "images" / f"01_{name}.png") for name in ("depth_0001", "normal")]
    scene = read_scene(tmp_path)
    assert scene.splits == ("train", "test") and [photo.split for photo in scene.photos] == ["train", "train", "test"]
    assert scene.photos[0].time == 0.25 and scene.photos[1].time is None
    assert [scene.photos[2].depth, scene.photos[2].normal] == beside


@pytest.mark.parametrize("name", ["blender", "llff"])
def test_what_a_format_cannot_hold(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no lenses, shifts or oblong pixels"):
        write_scene(tmp_path, with_lenses(tmp_path), name)
    with pytest.raises(InputError, match="at least one"):
        write_scene(tmp_path, [], name)


# ---- conventions, by files written by hand ----


def test_colmap_by_hand(tmp_path: Path) -> None:
    """A camera two before the origin that looks along +z, y down; the text has COLMAP's own comments."""
    picture(tmp_path / "images/a b.png", (100, 80))
    picture(tmp_path / "images/c.png", (100, 80))
    model = tmp_path / "sparse"
    model.mkdir()
    (model / "cameras.txt").write_text("# Camera list\n# Number of cameras: 1\n3 SIMPLE_RADIAL 100 80 50 48 41 0.5\n")
    (model / "images.txt").write_text(
        "# Image list\n1 1 0 0 0 0 0 2 3 a b.png\n\n2 1 0 0 0 0 0 2 3 c.png\n1.5 2.5 7 3 4 -1 5 6 9\n"
    )
    (model / "points3D.txt").write_text("7 0.1 0.2 0 9 8 7 0.1 1 0\n9 0 0 6 1 2 3 0.1\n")
    scene = read_scene(tmp_path)
    assert [photo.path.name for photo in scene.photos] == ["a b.png", "c.png"]
    camera = Camera.of(scene.photos[0])
    assert camera.eye.tolist() == [0, 0, -2]
    x, y = 0.05, 0.1
    bend = 1 + 0.5 * (x * x + y * y)
    seen, _ = camera.project(torch.tensor([[0.1, 0.2, 0.0]], dtype=torch.float64))
    assert seen[0].tolist() == pytest.approx([50 * x * bend + 48, 50 * y * bend + 41])
    assert scene.photos[0].near is None
    assert scene.photos[1].near == pytest.approx(2, abs=0.01) and scene.photos[1].far == pytest.approx(8, abs=0.01)


def test_llff_by_hand(tmp_path: Path) -> None:
    """Down is -z of the world, right +x, so the camera looks along +y; the table is of pictures four times as large."""
    picture(tmp_path / "images_4/a.png", (100, 80))
    down, right, behind, place, camera = [0, 0, -1], [1, 0, 0], [0, -1, 0], [5, 6, 7], [320, 400, 200]
    row = np.concatenate([np.array([down, right, behind, place, camera], float).T.ravel(), [1, 9]])
    np.save(tmp_path / "poses_bounds.npy", row[None])
    photo = read_scene(tmp_path).photos[0]
    assert (photo.size, photo.focal, photo.centre, photo.near, photo.far) == ((100, 80), (50, 50), (50, 40), 1, 9)
    seen, depth = Camera.of(photo).project(torch.tensor([[5.5, 8, 7], [5, 8, 7.5]], dtype=torch.float64))
    assert seen.tolist() == [[62.5, 40], [50, 27.5]] and depth[0].item() == pytest.approx(math.hypot(2, 0.5))


def test_blender_by_hand(tmp_path: Path) -> None:
    picture(tmp_path / "train/r_0.png", (100, 80))
    pose = [[1, 0, 0, 0], [0, 0, -1, -4], [0, 1, 0, 0], [0, 0, 0, 1]]  # on -y, looks along +y, z up
    frame = {"file_path": "./train/r_0", "rotation": 0.1, "transform_matrix": pose}
    write_json(tmp_path / "transforms_train.json", {"camera_angle_x": math.pi / 2, "frames": [frame]})
    camera = Camera.of(read_scene(tmp_path).photos[0])
    seen, _ = camera.project(torch.tensor([[1.0, 0, 2]]))
    assert camera.focal == pytest.approx((50, 50)) and seen[0].tolist() == pytest.approx([62.5, 15])


def test_cameras_follow_the_pictures_own_size(tmp_path: Path) -> None:
    photos = with_lenses(tmp_path)
    write_scene(tmp_path, photos, "nerfstudio")
    for photo in photos:
        picture(tmp_path / "images_2" / photo.path.name, (photo.size[0] // 2, photo.size[1] // 2))
    small = read_scene(tmp_path, downscale=2)
    assert [photo.size for photo in small.photos] == [(12, 8), (15, 10), (12, 8), (12, 8)]
    for photo, whole in zip(small.photos, photos, strict=True):
        pixels = torch.tensor([[3.5, 4.5]], dtype=torch.float64)
        here, there = Camera.of(photo).rays(pixels).direction, Camera.of(whole).rays(2 * pixels).direction
        torch.testing.assert_close(here, there)


@pytest.mark.parametrize("names", ["{:02}.jpg", "image{:03}.png"])
def test_smaller_pictures_of_other_names(names: str, tmp_path: Path) -> None:
    """By their stems, or in their order, as LLFF's are beside COLMAP's model."""
    write_scene(tmp_path, around(tmp_path), "colmap")
    for k in range(4):
        picture(tmp_path / "images_8" / names.format(k), (3, 2))
    scene = read_scene(tmp_path, downscale=8)
    assert [photo.path.name for photo in scene.photos] == [names.format(k) for k in range(4)]
    assert scene.photos[0].focal == pytest.approx((31 / 8, 31 / 8))
    assert bool(scene.notes) is names.startswith("image")
    refused(tmp_path, "downscale=4", "1, 8", downscale=4)


def test_models_and_files_are_found(tmp_path: Path) -> None:
    photos = around(tmp_path)
    write_scene(tmp_path, photos, "colmap")
    assert len(read_scene(tmp_path / "sparse/0").photos) == 4
    write_scene(tmp_path, photos, "nerfstudio")
    (tmp_path / "transforms.json").rename(tmp_path / "other.json")
    assert recognise(tmp_path / "other.json") == "nerfstudio" and len(read_scene(tmp_path / "other.json").photos) == 4
    write_scene(tmp_path, [replace(photos[0], split="test"), photos[1]], "blender")
    assert [photo.split for photo in read_scene(tmp_path / "transforms_test.json").photos] == ["test"]
    picture(tmp_path / "images/zz.png")
    assert "1 pictures in images have no pose" in read_scene(tmp_path, format="colmap").notes[0]


def test_instant_ngp(tmp_path: Path) -> None:
    """Fisheyes by a flag, paths without suffix, that lead out of the folder, and angles instead of focal lengths."""
    photos = around(tmp_path)
    inner = tmp_path / "scene"
    inner.mkdir()
    pose = photos[1].pose.tolist()
    frames = [{"file_path": name, "transform_matrix": pose} for name in ("../images/01", "../images/02.png")]
    angles = {"camera_angle_x": 1.0, "camera_angle_y": 0.5, "is_fisheye": True, "k1": 0.1, "k4": -0.01}
    write_json(inner / "transforms.json", {**angles, "frames": frames})
    scene = read_scene(inner)
    assert scene.photos[0].lens == ("fisheye", (0.1, 0.0, 0.0, -0.01))
    assert scene.photos[0].focal == pytest.approx((12 / math.tan(0.5), 8 / math.tan(0.25)))
    assert "2 pictures lie outside of the folder" in scene.notes[0]


# ---- what is wrong with a scene ----


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    tree = scene_of(tmp_path)
    (tmp_path / "images/01.png").unlink()
    write_json(tmp_path / "transforms.json", tree)
    scene = read_scene(tmp_path)
    assert [photo.path.name for photo in scene.photos] == ["00.png", "02.png"]
    assert scene.left_out == (("images/01.png", "there is no such picture"),)
    for name in ("00", "02"):
        (tmp_path / f"images/{name}.png").unlink()
    refused(tmp_path, "3 because there is no such picture", "images/00.png")


def test_reasons_are_few(tmp_path: Path) -> None:
    tree = scene_of(tmp_path)
    good, frame = tree["frames"][0], tree["frames"][1]
    tree["frames"] = [good, *({**frame, "fl_x": -k} for k in range(50)), frame | {"file_path": "no.png"}]
    write_json(tmp_path / "transforms.json", tree)
    told = read_scene(tmp_path).warnings()
    assert len(told) == 6 and told[-1] == "46 more of 52 pictures are left out, for other reasons"


POSES = {
    "singular": (np.diag([1.0, 1, 0, 1]), "singular"),
    "zero": (np.zeros((4, 4)), "ends with the row"),
    "mirrored": (np.diag([1.0, 1, -1, 1]), "mirrors"),
    "nan": (np.diag([1.0, 1, math.nan, 1]), "NaN"),
    "sheared": (np.diag([1.0, 2, 1, 1]), "shears"),
    "transposed": (np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 2, 3, 1]]), "ends with the row"),
    "flat": (np.eye(3), "[3, 3]"),
    "far": (np.array([[1.0, 0, 0, 1e300], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "1e+300"),
}


@pytest.mark.parametrize("name", POSES)
def test_poses_that_are_none(name: str, tmp_path: Path) -> None:
    matrix, words = POSES[name]
    tree = scene_of(tmp_path)
    tree["frames"][0]["transform_matrix"] = matrix.tolist()
    write_json(tmp_path / "transforms.json", tree)
    scene = read_scene(tmp_path)
    assert len(scene.photos) == 2 and scene.left_out[0][0] == "images/00.png" and words in scene.left_out[0][1]
    for frame in tree["frames"]:
        frame["transform_matrix"] = matrix.tolist()
    write_json(tmp_path / "transforms.json", tree)
    refused(tmp_path, "no photo", words)


def test_poses_that_are_nearly_one(tmp_path: Path) -> None:
    """Rounded, or with a scale, which makes no difference to rays."""
    photos = around(tmp_path, 3)
    rounded = [photo.pose.astype(np.float16) * np.array([3.0, 3, 3, 1]) for photo in photos]
    write_scene(tmp_path, [replace(p, pose=pose) for p, pose in zip(photos, rounded, strict=True)], "nerfstudio")
    for found, photo in zip(read_scene(tmp_path).photos, photos, strict=True):
        turn = found.pose[:, :3]
        assert np.allclose(turn @ turn.T, np.eye(3), rtol=0, atol=1e-14)
        assert np.allclose(found.pose, photo.pose, rtol=0, atol=2e-3)


@pytest.mark.parametrize("odd", [None, "far", True, -1, math.nan, 10**400])
def test_odd_distances_are_not_told(odd: Any, tmp_path: Path) -> None:
    frame = {"file_path": "images/00.png", "transform_matrix": np.eye(4).tolist(), "near": 2, "far": odd}
    write_json(tmp_path / "transforms.json", scene_of(tmp_path, frames=[frame]))
    (found,) = read_scene(tmp_path).photos
    assert (found.near, found.far) == (2.0, None)


def test_a_scene_behind_a_symbolic_link(tmp_path: Path) -> None:
    photos = around(tmp_path / "scene")
    (tmp_path / "far/off/runs").mkdir(parents=True)
    (tmp_path / "runs").symlink_to(tmp_path / "far/off/runs", target_is_directory=True)
    write_scene(tmp_path / "runs", photos, "nerfstudio")
    assert len(read_scene(tmp_path / "runs").photos) == len(photos)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fl_x": 0}, "focal length is 0"),
        ({"fl_x": math.nan}, "focal length is nan"),
        ({"fl_x": "31"}, "fl_x is '31', no number"),
        ({"cx": math.inf, "cy": 1}, "principal point"),
        ({"k1": math.nan}, "distortion"),
        ({"k2": 1e300}, "distortion"),
        ({"w": 48, "h": 16}, "24x16 pixels, its camera 48x16: another shape"),
        ({"w": 32, "h": 48}, "as EXIF turns it"),
        ({"w": 0}, "0x16"),
        ({"camera_model": "EQUIRECTANGULAR"}, "camera_model is 'EQUIRECTANGULAR'"),
        ({"k4": 0.1}, "programs differ"),
        ({"frames": []}, "its files list none"),
        ({"frames": [{"file_path": 3}]}, "file_path is 3"),
        ({"frames": [{"file_path": "a\0b"}]}, "no path"),
        ({"frames": [{"file_path": "x" * 5000}]}, "transform_matrix is None, no matrix"),
        ({"frames": [{"file_path": "images/00.png", "transform_matrix": [["a"]]}]}, "no matrix"),
        ({"frames": [{"file_path": "images", "transform_matrix": np.eye(4).tolist()}]}, "no such picture"),
        ({"frames": [{"file_path": "images/00.png", "transform_matrix": np.eye(4).tolist(), "time": "now"}]}, "time"),
    ],
)
def test_values_that_are_none(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    write_json(tmp_path / "transforms.json", scene_of(tmp_path, **change))
    refused(tmp_path, "no photo", words)


def test_what_is_no_picture(tmp_path: Path) -> None:
    write_json(tmp_path / "transforms.json", scene_of(tmp_path))
    (tmp_path / "images/00.png").write_bytes(b"")
    (tmp_path / "images/01.png").write_bytes(b"a text")
    (tmp_path / "images/02.png").unlink()
    os.mkfifo(tmp_path / "images/02.png")
    refused(tmp_path, "2 because it is no picture", "1 because there is no such picture")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"{", "no JSON"),
        (b"\xff\xfe{", "no JSON"),
        (b"[1]", "'frames'"),
        (b'{"frames": 3}', "'frames'"),
        (b'{"frames": [3]}', "'frames'"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_files_that_are_no_scene(data: bytes, words: str, tmp_path: Path) -> None:
    for name in ("transforms.json", "transforms_train.json"):
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, words, name)


def test_nothing_to_recognise(tmp_path: Path) -> None:
    refused(tmp_path, "transforms_train.json", "transforms.json", "sparse/0", "poses_bounds.npy")
    refused(tmp_path / "none", "no such folder")
    with pytest.raises(InputError, match="format is one of blender"):
        read_scene(tmp_path, format="mesh")
    refused(tmp_path, "downscale", downscale=0)


@pytest.mark.parametrize("binary", [True, False])
def test_every_truncation_is_refused_or_complete(binary: bool, tmp_path: Path) -> None:
    colmap.write(tmp_path, with_lenses(tmp_path), POINTS, COLOURS, binary=binary)
    for file in sorted((tmp_path / "sparse/0").iterdir()):
        whole = file.read_bytes()
        for end in range(0, len(whole), 1 if binary else 7):
            file.write_bytes(whole[:end])
            try:
                read_scene(tmp_path)
            except InputError:
                continue
            assert not binary, f"{file.name} cut at {end}"  # a text may end at a line
        file.write_bytes(whole)


@pytest.mark.parametrize("name", ["cameras", "images", "points3D"])
def test_promises_are_compared_with_the_file(name: str, tmp_path: Path) -> None:
    write_scene(tmp_path, around(tmp_path), "colmap", points=POINTS)
    file = tmp_path / f"sparse/0/{name}.bin"
    file.write_bytes(struct.pack("<Q", 2**62) + file.read_bytes()[8:])
    refused(tmp_path, "truncated", name)


def test_colmap_without_points_and_with_odd_cameras(tmp_path: Path) -> None:
    photos = around(tmp_path, 3)
    write_scene(tmp_path, photos, "colmap")
    model = tmp_path / "sparse/0"
    (model / "points3D.bin").unlink()
    scene = read_scene(tmp_path)
    assert len(scene.photos) == 3 and scene.points is None and scene.photos[0].near is None
    cameras = (model / "cameras.bin").read_bytes()
    (model / "cameras.bin").write_bytes(cameras[:12] + struct.pack("<i", 77) + cameras[16:])
    refused(tmp_path, "model 77")
    (model / "cameras.bin").write_bytes(cameras[:8] + struct.pack("<i", 5) + cameras[12:])
    refused(tmp_path, "its camera 1 is not among the cameras")
    colmap.write(tmp_path, photos, binary=False)
    for file in model.glob("*.bin"):
        file.unlink()
    (model / "cameras.txt").write_text("1 FOV 24 16 31 31 12 8 0.5\n")
    refused(tmp_path, "model FOV")


def test_points_that_are_nowhere(tmp_path: Path) -> None:
    colmap.write(tmp_path, around(tmp_path), np.vstack([POINTS, [[math.nan, 0, 0]]]), binary=False)
    points = read_scene(tmp_path).points
    assert points is not None and np.array_equal(points, POINTS)
    (tmp_path / "sparse/0/points3D.txt").write_text("1 nan 0 0 1 2 3 0\n")
    assert read_scene(tmp_path).points is None
    (tmp_path / "sparse/0/points3D.txt").write_text("1 0 0 0 nan 2 3 0\n")
    refused(tmp_path, "points3D.txt", "colour")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.zeros((4, 15)), "[4, 15]"),
        (np.zeros((3, 17)), "3 rows"),
        (np.zeros((4, 17)), "0x0 pixels"),
        (np.full((4, 17), math.nan), "nan"),
        (np.array(["a"]), "<U1"),
    ],
)
def test_tables_that_are_none(table: np.ndarray, words: str, tmp_path: Path) -> None:
    around(tmp_path)
    np.save(tmp_path / "poses_bounds.npy", table)
    refused(tmp_path, words)


def test_damaged_tables(tmp_path: Path) -> None:
    write_scene(tmp_path, around(tmp_path), "llff")
    file = tmp_path / "poses_bounds.npy"
    whole = file.read_bytes()
    for end in (0, 3, 20, 200, len(whole) - 1):
        file.write_bytes(whole[:end])
        with pytest.raises(FileFormatError):
            read_scene(tmp_path)
    file.write_bytes(whole.replace(b"(4, 17)", b"(9999999, 17)").replace(b"      \n", b"\n"))
    refused(tmp_path)
    with pytest.raises(InputError, match="give all of"):
        write_scene(tmp_path, around(tmp_path)[::-1], "llff")


def test_ten_thousand_photos_of_which_one_is_there(tmp_path: Path) -> None:
    tree = scene_of(tmp_path)
    frame = tree["frames"][0]
    tree["frames"] = [frame, *({**frame, "file_path": f"images/x{k}"} for k in range(10_000))]
    write_json(tmp_path / "transforms.json", tree)
    scene = read_scene(tmp_path)
    assert len(scene.photos) == 1 and len(scene.left_out) == 10_000


# ---- scenes as they come ----


def test_sample_scenes(data: Path) -> None:
    lego, fox, fern, moving = (
        read_scene(data / "scenes" / name) for name in ("lego_400", "fox", "llff_fern", "dnerf_lego_400")
    )
    assert [scene.format for scene in (lego, fox, fern, moving)] == ["blender", "nerfstudio", "llff", "blender"]
    assert len(lego.photos) == 125 and lego.splits == ("train", "test") and not lego.left_out
    assert lego.photos[0].focal == pytest.approx((555.5555, 555.5555))
    assert len(fox.photos) == 50 and fox.photos[0].lens is not None
    assert all(reason == "there is no such picture" for _, reason in fox.left_out)
    assert len(fern.photos) == 20 and fern.photos[0].size == (504, 378) and fern.photos[0].near is not None
    assert moving.photos[0].time is not None


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1" + "0" * 400, '"8"', "null", "true", "[]"])
@pytest.mark.parametrize("key", ["w", "fl_x", "cx", "k1", "camera_angle_x"])
def test_any_number_may_be_none(tmp_path: Path, key: str, value: str) -> None:
    """One clear line, or a scene."""
    (tmp_path / "a.png").write_bytes(b"")
    rest = {"w": 8, "h": 8, "fl_x": 9, "cx": 4, "cy": 4, "frames": [{"file_path": "a.png", "transform_matrix": [[1]]}]}
    text = json.dumps({name: entry for name, entry in rest.items() if name != key})
    (tmp_path / "transforms.json").write_text(f'{text[:-1]}, "{key}": {value}}}')
    with pytest.raises(InputError) as caught:
        read_scene(tmp_path)
    assert "\n" not in str(caught.value)
