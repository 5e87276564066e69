"""What a page can ask of a field and its signal."""

import io

import numpy as np
import pages
import pytest
import torch
from PIL import Image as Picture
from tiny_scenes import BallField, write

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.viewer.items import Item


def image(values: np.ndarray, name: str = "a.png") -> nf.signals.Image:
    return nf.signals.Image.from_array(values, name=name)


class Ball(nf.Field):
    """The distance to a ball in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 3, 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.norm(dim=-1, keepdim=True) - 0.5


def test_an_image():
    item = Item(pages.small_field(), image(pages.picture()), name="a")
    shown = item.shown
    assert (shown.kind, shown.inputs, shown.outputs, shown.size) == ("image", 2, 3, (16, 12))
    assert shown.channels == ("red", "green", "blue")
    assert shown.truth and not shown.linear and shown.program is not None and shown.reason is None
    assert shown.parameters == sum(p.numel() for p in pages.small_field().parameters())


def test_a_field_alone_that_no_page_draws():
    shown = Item(pages.Odd(), name="odd").shown
    assert shown.program is None and shown.reason
    assert shown.size is None and not shown.truth


def test_shapes_and_volumes():
    shape = Item(Ball(), name="ball").shown
    assert shape.kind == "shape" and shape.shape is not None
    assert (shape.shape.level, shape.shape.inside_below, shape.shape.metric) == (0.0, True, True)
    assert shape.shape.steepness == pytest.approx(1 / 0.9)
    assert shape.world is None
    assert Item(pages.Odd(3, 2), name="volume").shown.kind == "slices"
    full = Item(pages.Odd(3, 1), name="volume")
    full.field.shift.data.fill_(9.0)
    assert Item(full.field, name="no zero in it").shown.kind == "slices"


def test_values_that_are_to_stay_are_sent_more_exactly():
    item = Item(pages.small_field(), name="a")

    def table() -> str:
        return item.snapshot().arrays[0].dtype

    assert table() == "float16"
    item.receive(pages.small_field(1).state_dict(), 1, still=False)
    assert table() == "int8"
    item.receive(pages.small_field(2).state_dict(), 2, still=True)
    assert table() == "float16" and item.snapshot().step == 2 and item.snapshot("int8").arrays[0].dtype == "int8"


def test_what_cannot_be_looked_at():
    with pytest.raises(InputError, match="this Odd goes from 5 to 2"):
        Item(pages.Odd(5, 2), name="five")
    with pytest.raises(InputError, match="the field goes from 2 to 1 values, the image from 2 to 3"):
        Item(pages.Odd(2, 1), image(pages.picture()), name="odd")


def test_values_and_truth_at_a_place():
    field, truth = pages.small_field(), pages.picture()
    item = Item(field, image(truth), name="a")
    told = item.probe(7, (-0.99, 0.99))
    assert told.request == 7
    assert told.value == tuple(field(torch.tensor([[-0.99, 0.99]]))[0].tolist())
    assert told.truth == tuple(truth[-1, 0].tolist())
    assert item.probe(7, (1.5, 0.0)).truth is None
    with pytest.raises(InputError, match="a has 2 coordinates, got 3"):
        item.probe(7, (0, 0, 0))


def test_values_are_exact_where_products_may_be_rounded():
    field = pages.small_field()
    exact = field.double()(torch.tensor([[0.3, 0.1]], dtype=torch.float64)).float()[0].tolist()
    item = Item(field.float(), name="a")
    torch.set_float32_matmul_precision("medium")
    try:
        assert item.probe(0, (0.3, 0.1)).value == pytest.approx(exact, abs=1e-6)
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_value_that_is_not_finite():
    item = Item(pages.Odd(), name="odd")
    item.field.shift.data.fill_(float("nan"))
    with pytest.raises(InputError, match=r"odd is not finite at 0, 0\.5"):
        item.probe(0, (0.0, 0.5))


def test_truth_of_shapes():
    item = Item(Ball(), nf.signals.Solid(Ball(), name="ball"), name="ball")
    assert item.probe(0, (0.25, 0, 0)).truth == pytest.approx((-0.25,), abs=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_an_images_own_values(dtype):
    values = pages.picture()
    stored = values if dtype == "float32" else (values * np.iinfo(dtype).max).astype(dtype)
    told, data = Item(pages.small_field(), image(stored), name="a").truth()
    assert (told.width, told.height, told.channels, told.factor) == (16, 12, 3, 1)
    assert told.dtype == ("uint8" if dtype == "uint8" else "float16")
    found = np.frombuffer(data, told.dtype).reshape(12, 16, 3) / (255 if dtype == "uint8" else 1)
    assert np.abs(found - values).max() < 5e-3


def test_a_large_image_is_made_smaller(monkeypatch):
    monkeypatch.setattr("neuralfields.viewer.items._TRUTH_PIXELS", 50)
    told, data = Item(pages.small_field(), image((pages.picture() * 255).astype(np.uint8)), name="a").truth()
    assert (told.width, told.height, told.factor) == (8, 6, 2)
    assert len(data) == 8 * 6 * 3
    with pytest.raises(InputError, match="there is no image to compare a with"):
        Item(pages.small_field(), name="a").truth()


def test_cameras_and_photos(tmp_path):
    scene = nf.signals.PosedImages.read(write(tmp_path / "ball", 4, 1))
    field = BallField(scene.frame)
    item = Item(field, scene, name="ball")
    assert item.shown.kind == "radiance" and len(item.shown.views) == len(scene.cameras)
    assert item.shown.world is not None and item.shown.world.offset == scene.frame.offset
    view = item.shown.views[-1]
    assert view.held_out == (scene.training < len(scene.cameras))
    camera = scene.cameras[-1].in_box(scene.frame)
    assert view.pose == pytest.approx(camera.pose.flatten().tolist())
    told, data = item.photo(0)
    found = np.asarray(Picture.open(io.BytesIO(data))) / 255
    assert found.shape == (told.height, told.width, 3)
    assert np.abs(found - scene.photo(0).numpy()).mean() < 0.02
    with pytest.raises(InputError, match="ball has no photo number 99"):
        item.photo(99)


def test_newer_values_come_from_another_thread_s_copy():
    item, other = Item(pages.small_field(0), name="a"), pages.small_field(1)
    before = item.serial
    item.receive(other.state_dict(), 12, still=False)
    assert item.awaited and item.serial > before and not item.still
    assert torch.equal(_flat(item.current()), _flat(other))
    assert not item.awaited and item.step == 12


def _flat(field: nf.Field) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in field.parameters()])


def test_a_mesh_as_a_file():
    told, data = Item(Ball(), name="ball").mesh(16)
    assert (told.name, told.media) == ("ball.glb", "model/gltf-binary")
    assert data[:4] == b"glTF"
    with pytest.raises(InputError, match="a mesh is made of a shape or a scene"):
        Item(pages.small_field(), name="a").mesh(16)
