"""Methods at the size they have for images, where errors add up over wide layers; on one driver, which takes long."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from chromium import blank
from shaders import TOLERANCE, covered, disturbed, error, image, lively

from neuralfields import Field
from neuralfields.recipes import METHODS


@dataclass(frozen=True)
class OfMethod:
    """The field that a method takes for an image by default."""

    name: str

    def make(self) -> Field:
        torch.manual_seed(0)
        return METHODS[self.name](image(3)).field


@pytest.fixture(scope="module")
def page(chromium: Any) -> Any:
    return blank(chromium, "field/evaluate")


@pytest.mark.parametrize("name", [of.name for of in covered(list(map(OfMethod, METHODS)))])
def test_methods_at_their_full_size(name: str, page: Any):
    field = lively(OfMethod(name).make())
    assert error(page, field, "float32", count=256) <= TOLERANCE
    # Not by more: wide layers of units like Padé's, moved at random, make errors larger than any fit would.
    assert error(page, disturbed(field, 0.01), "float32", count=256) <= TOLERANCE
