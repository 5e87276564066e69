"""Fields record how they were made, are final, chain where they fit, and are rebuilt only when trusted."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from test_testing import Bare, Free, Good
from torch import Tensor, nn

import neuralfields as nf
from neuralfields import Chain, Field
from neuralfields.encodings import FourierFeatures, HashGrid
from neuralfields.errors import FileFormatError, InputError
from neuralfields.field import from_spec
from neuralfields.fields import Affine
from neuralfields.networks import MLP, Siren


def test_the_spec_holds_all_arguments_by_name_with_defaults() -> None:
    assert MLP(2, out_dim=3, width=8).spec == {
        "class": "neuralfields.networks:MLP",
        "arguments": {"in_dim": 2, "out_dim": 3, "width": 8, "depth": 2, "activation": "relu", "bias": True},
    }


def test_the_spec_of_fields_made_of_fields_is_nested() -> None:
    chain = Chain(Affine(2), Siren(2, 1, width=4, depth=1))
    assert chain.spec["class"] == "neuralfields.field:Chain"
    assert chain.spec["arguments"] == {"parts": [Affine(2).spec, Siren(2, 1, width=4, depth=1).spec]}


@pytest.mark.parametrize("number", [np.int64(3), np.float32(3), torch.tensor(3)])
def test_numbers_of_other_libraries_are_recorded_as_numbers(number: Any) -> None:
    recorded = Affine(2, scale=number).spec["arguments"]["scale"]
    assert type(recorded) in (int, float)
    assert recorded == 3
    assert json.dumps(recorded)


def test_what_is_recorded_stays_when_the_argument_is_changed() -> None:
    class Listing(Field):
        in_dim = out_dim = 1

        def __init__(self, sizes: list[int]):
            super().__init__()
            sizes.append(9)

    sizes = [1, 2]
    field = Listing(sizes)
    recorded = json.dumps(field.spec)
    sizes.append(10)
    assert json.dumps(field.spec) == recorded


def test_what_cannot_be_recorded_is_noted() -> None:
    class Odd(Field):
        in_dim = out_dim = 1

        def __init__(self, thing: object):
            super().__init__()

    assert Odd(torch.float32).spec["arguments"] == {"thing": {"unrecorded": "dtype"}}


def test_constructors_of_all_kinds_are_recorded() -> None:
    assert Bare().spec == {"class": "test_testing:Bare", "arguments": {"args": []}}
    assert Free(2, 1, 3, a=2.0).spec["arguments"] == {"in_dim": 2, "powers": [1, 3], "a": 2.0}
    assert Good(2, 1).spec["arguments"] == {"in_dim": 2, "out_dim": 1, "scales": [1.0, 2.0]}


def test_wrong_arguments_are_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="out_dim"):
        Siren(2)  # type: ignore[call-arg]


@pytest.mark.parametrize("parent", [Siren, Chain, Good])
def test_classes_are_final(parent: type[Field]) -> None:
    sentence = f"{parent.__name__} is final: let Child hold one instead of deriving from it"
    with pytest.raises(TypeError, match=sentence):
        type("Child", (parent,), {})


def test_a_class_derived_with_a_mixin_is_final_too() -> None:
    class Mixin:
        pass

    with pytest.raises(TypeError, match="Siren is final"):
        type("Child", (Mixin, Siren), {})
    assert type("Other", (Mixin, Field), {})


def test_a_mixins_place_is_taken_once() -> None:
    class Placing:
        calls = 0

        def place(self, detail: Any) -> None:
            self.calls += 1

    first, second = (type(name, (Placing, Field), {"in_dim": 1, "out_dim": 1}) for name in ("First", "Second"))
    third = type("Third", (Field,), {"place": first.place})  # wrapped already
    assert third.place is first.place is not second.place
    for field in (first(), second(), first()):
        for _ in range(2):
            field.place(torch.rand)
        assert field.calls == 1 and bool(field.placed)


def test_the_printed_field_shows_its_arguments() -> None:
    text = repr(Chain(HashGrid(2, levels=2), MLP(4, 3)))
    assert "HashGrid(in_dim=2, levels=2, features=2" in text
    assert "interpolation=linear" in text
    assert "{'class'" not in text


def test_coordinates_of_another_number_are_refused() -> None:
    with pytest.raises(InputError, match=r"^Siren takes coordinates \[\*batch, 2\], got shape \[5, 3\]$"):
        Siren(2, 1, width=4)(torch.zeros(5, 3))
    with pytest.raises(InputError, match=r"^Affine takes coordinates \[\*batch, 1\], got shape \[\]$"):
        Affine(1)(torch.tensor(1.0))


class TestChain:
    def test_is_its_parts_one_after_the_other(self) -> None:
        grid, network = HashGrid(2, levels=2), MLP(4, 3)
        chain = Chain(grid, network, Affine(3, scale=2.0))
        x = torch.rand(5, 2)
        assert (chain.in_dim, chain.out_dim) == (2, 3)
        assert torch.equal(chain(x), network(grid(x)) * 2)
        assert list(chain)[:2] == [grid, network]

    def test_parts_that_do_not_fit(self) -> None:
        with pytest.raises(InputError, match=r"^HashGrid gives 8 values but MLP takes 16$"):
            Chain(HashGrid(2, levels=4), MLP(16, 3))
        with pytest.raises(InputError, match=r"^MLP gives 3 values but Affine takes 2$"):
            Chain(MLP(2, 3), Affine(2))

    def test_no_parts(self) -> None:
        with pytest.raises(InputError, match="at least one field"):
            Chain()

    def test_parts_that_are_no_fields(self) -> None:
        with pytest.raises(InputError, match="made of fields, got Linear"):
            Chain(Affine(2), nn.Linear(2, 3))  # type: ignore[arg-type]


class TestFromSpec:
    def test_builds_the_same_with_fresh_parameters(self) -> None:
        field = Chain(FourierFeatures(2, features=4, seed=3), MLP(4, 1, width=3))
        rebuilt = from_spec(json.loads(json.dumps(field.spec)))
        assert rebuilt.spec == field.spec
        assert torch.equal(rebuilt.state_dict()["parts.0.frequencies"], field.state_dict()["parts.0.frequencies"])
        assert not torch.equal(rebuilt.state_dict()["parts.1.layers.0.weight"], field.parts[1].layers[0].weight)  # type: ignore[union-attr, index]

    def test_arguments_in_any_order(self) -> None:
        """Files keep them sorted by name."""
        spec = Free(2, 1, 3, a=2.0).spec
        turned = {"class": spec["class"], "arguments": dict(reversed(spec["arguments"].items()))}
        assert from_spec(turned, trust=["test_testing"]).spec == spec

    def test_strange_classes_are_not_trusted(self) -> None:
        spec = Good(2, 3).spec
        with pytest.raises(FileFormatError, match=r"test_testing:Good, whose package is not trusted.*'test_testing',"):
            from_spec(spec)
        with pytest.raises(FileFormatError, match="not trusted"):
            from_spec(spec, trust=("test",))  # a prefix of the name is another package
        assert isinstance(from_spec(spec, trust=("test_testing",)), Good)

    def test_nothing_is_imported_before_it_is_trusted(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(FileFormatError, match="not trusted"):
            from_spec({"class": "trap:Field", "arguments": {}})
        with pytest.raises(SystemExit, match="imported"):
            from_spec({"class": "trap:Field", "arguments": {}}, trust=("trap",))

    def test_an_untrusted_class_inside_a_trusted_one(self) -> None:
        spec = {"class": "neuralfields.field:Chain", "arguments": {"parts": [Bare().spec]}}
        with pytest.raises(FileFormatError, match="test_testing:Bare, whose package is not trusted"):
            from_spec(spec)
        assert isinstance(from_spec(spec, trust=("test_testing",)), Chain)

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            (None, "names its class as 'module:Name', got None"),
            (3, "got 3"),
            ("Siren", "got 'Siren'"),
            ("a:b:c", "got 'a:b:c'"),
            ("neuralfields.networks:NoSuch", "cannot be imported"),
            ("neuralfields.networks:nn", "cannot be imported|is not a field class"),
            ("neuralfields.field:Field", "is not a field class"),
            ("neuralfields.field:torch", "is not a field class"),
            ("neuralfields.field:importlib", "is not a field class"),
            ("neuralfields.cli:main", "not trusted"),
            ("neuralfields.networks.siren:Siren", "not trusted"),
            ("os:system", "not trusted"),
        ],
    )
    def test_names_of_no_field(self, name: Any, sentence: str) -> None:
        with pytest.raises(FileFormatError, match=sentence):
            from_spec({"class": name, "arguments": {}})

    @pytest.mark.parametrize(
        "arguments",
        [{}, {"in_dim": 2}, {"in_dim": 2, "out_dim": 3, "colour": 1}, {"in_dim": "two", "out_dim": 3}],
        ids=str,
    )
    def test_arguments_that_do_not_fit(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(FileFormatError, match="Siren cannot be built from its recorded arguments"):
            from_spec({"class": "neuralfields.networks:Siren", "arguments": arguments})

    @pytest.mark.parametrize("spec", [{}, None, [], "x", {"class": "neuralfields.fields:Affine", "arguments": [1]}])
    def test_specs_that_are_none(self, spec: Any) -> None:
        with pytest.raises(FileFormatError):
            from_spec(spec)


def test_evaluate_in_chunks_without_gradient() -> None:
    field, x, sizes = Siren(2, 3, width=8), torch.rand(103, 2), []

    def counting(points: Tensor) -> Tensor:
        sizes.append(len(points))
        return field(points)

    y = nf.evaluate(counting, x, chunk=25)
    assert sizes == [25, 25, 25, 25, 3]
    assert not y.requires_grad
    torch.testing.assert_close(y, field(x).detach())
    assert nf.evaluate(field, x[:0]).shape == (0, 3)


def test_the_package_shows_its_names_and_no_others() -> None:
    assert set(nf.__all__) <= set(dir(nf))
    for name in nf.__all__:
        assert getattr(nf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = nf.nonsense
