"""Every method under every check of the field contract."""

from collections.abc import Callable

import pytest
from cases import CASES, Case

from neuralfields import Chain, Field, encodings, fields, networks
from neuralfields.testing import FIELD_CHECKS


@pytest.mark.parametrize("check", FIELD_CHECKS.values(), ids=[name.replace(" ", "-") for name in FIELD_CHECKS])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, check: Callable[[Field, int], None]) -> None:
    check(case.make(), case.order)


def test_every_method_has_a_case() -> None:
    public = {getattr(home, name) for home in (encodings, networks, fields) for name in home.__all__}
    methods = {thing for thing in public if isinstance(thing, type) and issubclass(thing, Field)} | {Chain}
    assert methods == {case.cls for case in CASES}


@pytest.mark.parametrize("cls", sorted({case.cls for case in CASES}, key=lambda cls: cls.__name__))
def test_every_method_explains_itself(cls: type[Field]) -> None:
    assert cls.__doc__
    assert cls.__doc__.strip().splitlines()[0]
