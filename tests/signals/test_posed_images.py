"""Posed images: pixels and their rays, boxes, hulls, splits, quality, memory, and what is refused."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_scenes import CENTRE, RADIUS, BallField, TinyField, around, photo, write

import neuralfields as nf
from neuralfields import signals
from neuralfields.errors import InputError
from neuralfields.files.images import read_image, write_image
from neuralfields.files.posed import read_scene, write_scene
from neuralfields.geometry import Camera
from neuralfields.geometry.lenses import Lens
from neuralfields.objectives import Photometric
from neuralfields.protocols import Numbered, Reserved, Source
from neuralfields.signals import PosedImages

MIDDLE = torch.tensor(CENTRE, dtype=torch.float64)


def ball(
    count: int = 12, training: int | None = None, *, alpha: bool = True, size: tuple[int, int] = (24, 20)
) -> PosedImages:
    cameras = around(count, size=size)
    return PosedImages([photo(camera, alpha=alpha) for camera in cameras], cameras, training=training)


def test_it_is_a_source() -> None:
    made = ball(12, 10)
    assert isinstance(made, Source) and isinstance(made, Numbered)
    assert (made.kind, made.in_dim, made.out_dim, made.headline) == ("scene", 6, 4, "psnr")
    assert made.extent == "10 views of 24x20 and 2 to judge by"
    assert list(made.judged) == [10, 11] and list(ball(3).judged) == [0, 1, 2]


def test_masks_bound_the_box() -> None:
    made = ball()
    assert made.bounded and made.hull is not None and made.hull.shape == (64, 64, 64)
    assert RADIUS < made.frame.scale < RADIUS + 0.25
    assert made.frame.offset == pytest.approx(CENTRE, abs=0.1)
    cells = made.hull.nonzero().flip(1)
    away = made.frame.to_world((cells * 2 + 1).double() / 64 - 1) - MIDDLE
    assert RADIUS < float(away.norm(dim=-1).max()) < RADIUS + 0.4
    assert int((cells.amax(0) - cells.amin(0)).max()) > 54  # the second carving leaves less than the first
    assert made.background.tolist() == [1, 1, 1]


def test_without_masks_there_are_no_bounds() -> None:
    made = ball(alpha=False)
    assert not made.bounded and made.hull is None and made.background.tolist() == [0, 0, 0]
    assert made.frame.scale == pytest.approx(3) and made.frame.offset == pytest.approx(CENTRE)
    assert made.near == 0.05
    cameras = around(3)
    far = PosedImages([photo(camera, alpha=False) for camera in cameras], cameras, depths=(2.0, 9.0))
    assert far.near == pytest.approx(0.9 * 2 / 3)


@pytest.mark.parametrize("alpha", [True, False])
def test_rays_show_what_their_pixels_hold(alpha: bool) -> None:
    made = ball(alpha=alpha)
    batch = made.draw(500, seed=1, step=7)
    assert batch.x.shape == (500, 6) and batch.y.shape == (500, 4) and batch.x.dtype == batch.y.dtype == torch.float32
    assert batch.camera is not None and batch.index is not None
    for view in range(3):
        own = batch.camera == view
        camera = made.cameras[view].in_box(made.frame)
        torch.testing.assert_close(batch.x[own, :3], camera.eye.float().expand(int(own.sum()), 3))
        pixels, _ = camera.project(batch.x[own, :3].double() + batch.x[own, 3:].double())
        torch.testing.assert_close(pixels, pixels.floor() + 0.5, rtol=0, atol=1e-3)
        column, row = pixels.long().unbind(-1)
        stored = torch.from_numpy(photo(made.cameras[view], alpha=alpha)[row, column] / np.float32(255))
        torch.testing.assert_close(batch.y[own, : stored.shape[1]], stored.float())
    if not alpha:
        assert (batch.y[:, 3] == 1).all()
    torch.testing.assert_close(batch.x[:, 3:].norm(dim=-1), torch.ones(500))


def test_draws_have_no_state_and_repeat_no_pixel() -> None:
    made = ball(alpha=False)
    assert made.size == 12 * 24 * 20
    one, two = (made.draw(64, seed=3, step=11) for _ in range(2))
    assert torch.equal(one.x, two.x) and torch.equal(one.y, two.y)
    assert not torch.equal(one.x, made.draw(64, seed=4, step=11).x)
    drawn = torch.cat([made.draw(960, seed=3, step=step).index for step in range(6)])  # type: ignore[misc]
    assert len(drawn.unique()) == made.size
    whole = torch.cat([chunk.y for chunk in made.chunks(1000)])
    assert torch.equal(whole, made.at(torch.arange(made.size)).y)


def test_threads_change_nothing() -> None:
    made = ball()
    one = made.draw(4000, seed=0, step=0)
    torch.set_num_threads(2)
    two = made.draw(4000, seed=0, step=0)
    assert torch.equal(one.x, two.x) and torch.equal(one.y, two.y)


def test_pictures_stay_bytes(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 30, 10, size=(128, 96))
    PosedImages.read(folder)  # what is imported on first use is not counted
    tracemalloc.start()
    try:
        made = PosedImages.read(folder)
        made.prepare()
        made.draw(1000, seed=0, step=0)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    pixels = 40 * 128 * 96 * 4
    assert made.pictures.values.nbytes == pixels
    assert kept < 1.5 * pixels and peak < 3 * pixels  # a copy in float32 would be four times as large


def test_pixels_far_from_the_thing_are_not_drawn() -> None:
    made = ball(size=(64, 64))
    drawn = made.at(torch.arange(made.size))
    covered = sum(int((photo(camera)[..., 3] > 0).sum()) for camera in made.cameras)
    assert int((drawn.y[:, 3] > 0).sum()) == covered
    assert covered < made.size < 0.5 * 12 * 64 * 64


def test_pictures_of_several_sizes() -> None:
    cameras = [*around(4, size=(20, 12)), *around(4, size=(9, 31)), *around(4, size=(16, 16))]
    made = PosedImages([photo(camera) for camera in cameras], cameras)
    assert made.extent == "12 views of 9x12 to 20x31"
    assert made.describe()["shape"] == [12, 31, 20]
    drawn = made.at(torch.arange(made.size))
    assert drawn.camera is not None
    pixels, _ = cameras[5].in_box(made.frame).project((drawn.x[:, :3] + drawn.x[:, 3:])[drawn.camera == 5].double())
    column, row = pixels.long().unbind(-1)
    stored = torch.from_numpy(photo(cameras[5])[row, column] / np.float32(255)).float()
    torch.testing.assert_close(drawn.y[drawn.camera == 5], stored)


def test_lenses_bend_rays() -> None:
    lens = Lens("opencv", (0.1, 0.01))
    cameras = [Camera(c.pose, c.focal, c.size, c.centre, lens if k % 2 else None) for k, c in enumerate(around(6))]
    made = PosedImages([photo(camera, alpha=False) for camera in cameras], cameras)
    batch = made.draw(200, seed=0, step=0)
    assert batch.camera is not None
    for view, camera in enumerate(cameras):
        own = batch.x[batch.camera == view].double()
        pixels, _ = camera.in_box(made.frame).project(own[:, :3] + own[:, 3:])
        torch.testing.assert_close(pixels, pixels.floor() + 0.5, rtol=0, atol=1e-3)


def test_pixels_without_light_are_not_drawn() -> None:
    """A lens whose picture ends within the photo's corners."""
    cameras = [Camera(c.pose, 6.0, (16, 16), None, Lens("opencv", (-0.3,))) for c in around(6)]
    made = PosedImages([np.full((16, 16, 3), 0.5)] * 6, cameras)
    assert 0 < made.size < 6 * 256
    assert made.at(torch.arange(made.size)).x.isfinite().all()
    view = next(made.views(BallField(made.frame)))
    assert view.counted is not None and int(view.counted.sum()) == made.size / 6
    assert view.picture.isfinite().all()


def test_the_right_field_is_found_right() -> None:
    made = ball(12, 9, size=(64, 48))
    good, bad = made.measure(BallField(made.frame)), made.measure(BallField(made.frame, (0.3, -0.1, 0.1)))
    assert good["psnr"] > 25 and good["psnr"] > bad["psnr"] + 5
    assert good.keys() == {"psnr"}
    thorough = made.measure(BallField(made.frame), thorough=True)
    assert thorough["psnr"] == pytest.approx(good["psnr"]) and 0.9 < thorough["ssim"] < 1
    views = list(made.views(BallField(made.frame)))
    assert [view.name for view in views] == ["9", "10", "11"]
    assert thorough["psnr"] == pytest.approx(sum(view.psnr for view in views) / 3)
    assert float(views[0].truth[0, 0].min()) == 1  # white
    assert len(list(made.views(BallField(made.frame), 2))) == 2


def test_other_scales() -> None:
    made = ball(10, 8, size=(65, 48))
    field = BallField(made.frame)
    half, double = (next(made.views(field, scale=scale)) for scale in (0.5, 2))
    assert half.picture.shape == half.truth.shape == (24, 32, 3)
    assert double.picture.shape == double.truth.shape == (48, 65, 3)
    assert half.psnr > 25 and double.psnr > 25
    with pytest.raises(InputError, match=r"at scale 0.5, 1 or 2, got 3"):
        next(made.views(field, scale=3))


def test_a_field_that_cannot_be_rendered() -> None:
    with pytest.raises(InputError, match="Linear cannot"):
        ball().measure(torch.nn.Linear(6, 4))


def test_preview() -> None:
    made = ball(size=(300, 200))
    picture = made.preview(BallField(made.frame))
    height, width, channels = picture.shape
    assert channels == 3 and 32 <= width <= 256 and abs(width / height - 1.5) < 0.05
    assert picture.min() >= 0 and picture.max() <= 1


def test_read_blender(tmp_path: Path) -> None:
    made = PosedImages.read(write(tmp_path / "ball"))
    assert made.name == "ball" and made.training == 8 and made.extent == "8 views of 16x16 and 2 to judge by"
    assert made.names[-1] == "images/009.png" and made.notes == []
    told = made.describe()
    assert (told["held_out"], told["bounded"], told["scale"], told["holdout"]) == (2, True, 1, None)
    assert json.loads(json.dumps(told)) == told
    again = signals.read_again(tmp_path / "ball", told)
    assert again.describe() == told
    assert signals.kind_of(tmp_path / "ball") == "scene"
    assert isinstance(signals.read(tmp_path / "ball" / "transforms_train.json"), PosedImages)


def test_the_sum_tells_changes(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball")
    before = PosedImages.read(folder).describe()["sha256"]
    assert PosedImages.read(folder).describe()["sha256"] == before
    assert PosedImages.read(folder, split="val").describe()["sha256"] != before
    tree = json.loads((folder / "transforms_train.json").read_text())
    tree["frames"][0]["transform_matrix"][0][3] += 1e-4
    (folder / "transforms_train.json").write_text(json.dumps(tree))
    moved = PosedImages.read(folder).describe()["sha256"]
    image = read_image(folder / "images/009.png").values.copy()
    image[0, 0, 0] ^= 1
    write_image(folder / "images/009.png", image)
    assert len({before, moved, PosedImages.read(folder).describe()["sha256"]}) == 3


def test_splits(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 20, 2)
    parts = {split: PosedImages.read(folder, split=split) for split in ("test", "val")}
    assert [parts[s].training for s in parts] == [20, 18]
    tests = set(parts["test"].names[20:])
    assert tests == {"images/020.png", "images/021.png"}
    assert parts["val"].names[18:] == ("images/000.png", "images/010.png") and not tests & set(parts["val"].names)
    assert PosedImages.read(folder, holdout=0.25).training == 15
    none = PosedImages.read(folder, holdout=0)
    assert none.training == 20 and list(none.judged) == list(range(20))
    assert none.notes == ["no picture of 20 is held out: those that are judged were trained on"]


def test_every_eighth_is_held_out(tmp_path: Path) -> None:
    made = PosedImages.read(write(tmp_path / "ball", 17, 0, alpha=False, format="nerfstudio"))
    assert made.names[made.training :] == ("images/000.png", "images/008.png", "images/016.png")
    assert made.names[0] == "images/001.png"
    two = PosedImages.read(write(tmp_path / "two", 2, 0, alpha=False, format="nerfstudio"))
    assert two.training == 2 and "no picture of 2 is held out" in two.notes[0]


def test_made_smaller(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 6, 1, size=(33, 24))
    made = PosedImages.read(folder, scale=2)
    assert made.pictures.sizes == [(16, 12)] * 7 and made.describe()["scale"] == 2
    assert made.measure(BallField(made.frame))["psnr"] > 18
    with pytest.raises(InputError, match="a picture of 33x24 pixels: nothing is left of it at scale 25"):
        PosedImages.read(folder, scale=25)
    with pytest.raises(InputError, match="scale is a whole number from 1 on"):
        PosedImages.read(folder, scale=0)


def test_large_pictures_become_smaller_by_themselves(tmp_path: Path) -> None:
    made = PosedImages.read(write(tmp_path / "ball", 3, 1, size=(1602, 10)))
    assert made.pictures.sizes == [(534, 3)] * 4
    assert made.notes == ["pictures are made 3 times smaller, 1602x10 becomes 534x3: --scale 1 keeps their size"]


def test_masks_of_what_counts(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 6, 0, alpha=False, format="nerfstudio")
    mask = np.zeros((16, 16, 1), np.uint8)
    mask[:4] = 255
    write_image(folder / "mask.png", mask)
    photos = [replace(p, mask=folder / "mask.png") for p in read_scene(folder).photos]
    tree = json.loads((folder / "transforms.json").read_text())
    for frame in tree["frames"]:
        frame["mask_path"] = "mask.png"
    (folder / "transforms.json").write_text(json.dumps(tree))
    assert len(photos) == 6
    made = PosedImages.read(folder)
    assert made.size == made.training * 16 * 4
    view = next(made.views(BallField(made.frame)))
    assert view.counted is not None and view.counted.sum() == 64
    for frame in tree["frames"][:2]:
        frame["mask_path"] = "cut.png"
    (folder / "cut.png").write_bytes((folder / "mask.png").read_bytes()[:-30])
    (folder / "transforms.json").write_text(json.dumps(tree))
    assert "2 of 6 pictures are left out because it is damaged" in PosedImages.read(folder).notes[0]


def test_a_thing_that_some_pictures_miss() -> None:
    cameras = around(12, size=(24, 20))
    images = [photo(camera) for camera in cameras]
    images[3][..., 3] = 0
    made = PosedImages(images, cameras)
    assert RADIUS < made.frame.scale < RADIUS + 0.25
    assert made.notes == ["1 pictures show nothing, their alpha is 0 everywhere: 3"]


def test_a_few_bad_masks_are_outvoted() -> None:
    cameras = around(40, size=(48, 40))
    images = [photo(camera) for camera in cameras]
    good = PosedImages(images, cameras)
    assert good.notes == []
    for view in (3, 30):
        images[view][:, :24, 3] = 0  # half of the thing is missing
    made = PosedImages(images, cameras)
    assert made.notes[0].startswith("masks contradict each other") and "2 of 40 pictures" in made.notes[0]
    assert good.hull is not None and made.hull is not None
    inside = good.hull.nonzero().flip(1).double()[::50]
    places = made.frame.to_box(good.frame.to_world((inside * 2 + 1) / 64 - 1))
    x, y, z = ((places + 1) * 32).long().clamp(0, 63).unbind(1)
    assert float(made.hull[z, y, x].double().mean()) > 0.97
    assert made.frame.scale < 1.15 * good.frame.scale


def test_moving_things_are_noted(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 4, 0, alpha=False, format="nerfstudio")
    tree = json.loads((folder / "transforms.json").read_text())
    for k, frame in enumerate(tree["frames"]):
        frame["time"] = k / 3
    (folder / "transforms.json").write_text(json.dumps(tree))
    assert "the pictures are of 4 moments, but" in PosedImages.read(folder).notes[0]


def bad(images: list[np.ndarray] | None = None, cameras: list[Camera] | None = None, **more: Any) -> PosedImages:
    cameras = around(4) if cameras is None else cameras
    return PosedImages([photo(camera) for camera in cameras] if images is None else images, cameras, **more)


BLANK = [np.zeros((16, 16, 4), np.uint8)] * 4
CORNERS = [np.pad(np.full((2, 2, 4), 255, np.uint8), ((14, 0), (14, 0), (0, 0))) for _ in range(12)]
REFUSED = {
    "blank": (lambda: bad(BLANK), "scene shows nothing: alpha is 0 everywhere in all 4 pictures"),
    "not of one thing": (lambda: bad(CORNERS, around(12)), "no place is on the masks of all pictures"),
    "one place": (lambda: bad(cameras=[around(4)[0]] * 4), "scene: all 4 pictures are from one place"),
    "one picture": (lambda: bad(cameras=around(1)), "scene: there is a single picture, so nothing tells how far"),
    "sizes": (lambda: bad([np.zeros((8, 9, 3))] * 4), "0 has 9x8 pixels, its camera 16x16"),
    "counts": (lambda: bad(BLANK[:3]), "3 images, 4 cameras and 3 names"),
    "training": (lambda: bad(training=0), "trained on 1 to all of its 4 pictures, got 0"),
    "nothing counts": (lambda: bad(counted=[np.zeros((16, 16), bool)] * 4).size, "no pixel of its 4 pictures counts"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    call, told = REFUSED[case]
    with pytest.raises(InputError, match=told):
        call()


def test_bad_files_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 5, 1)
    (folder / "images/002.png").unlink()
    made = PosedImages.read(folder)
    assert made.training == 4 and "1 of 6 pictures are left out" in made.notes[0] and "002" in made.notes[0]
    with pytest.raises(InputError, match=r"holdout is the share of pictures that is judged, 0 to 0\.5, got 0\.7"):
        PosedImages.read(folder, holdout=0.7)
    with pytest.raises(InputError, match="split is one of test, val, got 'train'"):
        PosedImages.read(folder, split="train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is no scene of posed photos"):
        signals.read(tmp_path / "empty")


@pytest.mark.parametrize("alpha", [True, False])
def test_damaged_pictures_are_left_out(tmp_path: Path, alpha: bool) -> None:
    folder = write(tmp_path / "ball", 6, 2, alpha=alpha)
    whole = PosedImages.read(folder)
    for name in ("000", "004", "007"):
        picture = folder / f"images/{name}.png"
        picture.write_bytes(picture.read_bytes()[:-60])
    made = PosedImages.read(folder)
    assert made.notes[0] == (
        "3 of 8 pictures are left out because it is damaged: images/000.png, images/004.png, images/007.png"
    )
    assert (made.training, [name[7:10] for name in made.names]) == (4, ["001", "002", "003", "005", "006"])
    for name in made.names:
        one, other = (some.pictures[some.names.index(name)] for some in (made, whole))
        np.testing.assert_array_equal(one, other)
    for picture in (folder / "images").iterdir():
        picture.write_bytes(picture.read_bytes()[:-60])
    with pytest.raises(InputError, match=r"can be used: all are damaged, images/000\.png, .*004\.png and 3 more"):
        PosedImages.read(folder)


def test_views_that_judge_do_not_end_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = around(6)
    images = [photo(camera) for camera in cameras]
    images[4:] = [255 - image for image in images[4:]]  # what no fit of the others shows
    signal = PosedImages(images, cameras, training=4)
    field = BallField(signal.frame)
    assert signal.measure(field)["psnr"] < signal.watch(field)["psnr"] - 5
    assert isinstance(signal, Reserved)

    def refused(*_: object) -> None:
        raise AssertionError("the judged views were looked at")

    tiny = TinyField(6, 4)
    with monkeypatch.context() as patch:
        patch.setattr(PosedImages, "measure", refused)
        *_, last = nf.steps(tiny, signal, objective=Photometric(), until_psnr=2, steps=20)
    assert last.checked == signal.watch(tiny) and last.step < 20
    fit = nf.fit(tiny, signal, objective=Photometric(), until_psnr=2, steps=20)
    assert fit.reached and fit.metrics == signal.measure(fit.field)


def test_only_pictures_for_testing(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 0, 4)
    with pytest.raises(InputError, match="no picture left to train on: 0 of train, 0 of val, 4 of test"):
        PosedImages.read(folder)


def test_linear_pictures_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "ball", 3, 0, alpha=False, format="nerfstudio")
    scene = read_scene(folder)
    light = np.full((16, 16, 3), 2.0, np.float32)
    write_image(folder / "images/000.exr", light)
    write_scene(folder, [replace(scene.photos[0], path=folder / "images/000.exr"), *scene.photos[1:]], "nerfstudio")
    with pytest.raises(InputError, match=r"000\.exr is no picture of a scene: its values are linear"):
        PosedImages.read(folder)


def test_real_scenes(data: Path) -> None:
    lego = PosedImages.read(data / "scenes/lego_400", scale=4)
    assert lego.bounded and lego.training == 100 and list(lego.judged) == list(range(100, 125))
    assert 1.0 < lego.frame.scale < 1.3  # the model is about 2.3 long
    assert lego.hull is not None and 0.05 < float(lego.hull.float().mean()) < 0.3
    fox = PosedImages.read(data / "scenes/fox", scale=8)
    assert not fox.bounded and fox.training == 43 and "17 of 67 pictures are left out" in fox.notes[0]
    fern = PosedImages.read(data / "scenes/llff_fern", scale=4)
    assert fern.training == 17 and 0.2 < fern.near < 1
    for scene in (fox, fern):
        eyes = scene.frame.to_box(torch.stack([camera.eye for camera in scene.cameras]))
        assert 0.9 < float(eyes.norm(dim=-1).max()) < 1.1
