"""Field files: what is saved comes back, and everything else is refused with one clear line."""

import errno
import gc
import itertools
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

import neuralfields as nf
from neuralfields.errors import FileFormatError, InputError
from neuralfields.geometry import Frame
from neuralfields.storage import field_file, load, migrate, read_header, save, sealed

ROOT = Path(__file__).resolve().parents[2]
EARLIER = Path(__file__).parent / "earlier"  # files as older versions wrote them
TRUST = (__name__.partition(".")[0],)


class Linear(nf.Field):
    """A map with a saved and an unsaved table, as third parties may write it."""

    def __init__(self, in_dim: int, out_dim: int, scales: tuple[float, ...] = (1.0, 2.0), seed: int = 0):
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.linear = nn.Linear(in_dim, out_dim)
        self.register_buffer("count", torch.tensor(7))
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("noise", torch.rand(out_dim, generator=generator), persistent=False)
        self.register_buffer("scale", torch.tensor(list(scales)).sum(), persistent=False)
        assert torch.rand(3).sum().item() >= 0  # needs a real device, not meta

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) * self.scale + self.noise


class Wrapper(nf.Field):
    def __init__(self, inner: nf.Field, function: object = None):
        super().__init__()
        self.in_dim, self.out_dim, self.inner = inner.in_dim, inner.out_dim, inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


class Greedy(nf.Field):
    """Each way in which a constructor can ask for more than a file explains."""

    def __init__(self, way: str, size: int = 0):
        super().__init__()
        self.in_dim = self.out_dim = 1
        match way:
            case "matrix":
                self.weight = nn.Parameter(torch.empty(size, size))
            case "table":
                self.register_buffer("table", torch.linspace(0, 1, size), persistent=False)
            case "repeat":
                self.register_buffer("table", torch.ones(2).repeat(size), persistent=False)
            case "layers":
                self.layers = nn.ModuleList(nn.Linear(1, 1) for _ in range(size))
            case "modules":
                self.layers = nn.ModuleList(nn.ReLU() for _ in range(size))
            case "loop":
                self.levels = [level * level for level in range(size)]
            case "view":
                self.register_buffer("table", torch.ones(1).expand(size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x


def same(a: nf.Field, b: nf.Field) -> bool:
    x, y = a.state_dict(), b.state_dict()
    return a.spec == b.spec and x.keys() == y.keys() and all(torch.equal(x[name], y[name]) for name in x)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "field.nf"


@pytest.fixture
def saved(path: Path) -> Path:
    save(nf.networks.Siren(2, 3, width=8, depth=2), path)
    return path


def forge(path: Path, *, tensors: dict[str, Tensor] | None = None, **changes: object) -> Path:
    """Change a saved file's header and tensors, and seal it again, as an attacker can."""
    header, found = sealed.read(path, "neuralfields", 99, "")
    sealed.write(path, "neuralfields", {**header, **changes}, found if tensors is None else {**found, **tensors})
    return path


def refusal(path: Path, *, trust: tuple[str, ...] = (), error: type[Exception] = FileFormatError) -> str:
    """The one line with which loading refuses the file, soon."""
    start = time.monotonic()
    with pytest.raises(error) as caught:
        load(path, trust=trust)
    assert time.monotonic() - start < 5
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is saved comes back


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    network=st.fixed_dictionaries({"width": st.integers(1, 30), "depth": st.integers(1, 4)}),
    nesting=st.integers(0, 4),
    seed=st.integers(0, 2**63 - 1),
)
def test_round_trip(tmp_path_factory, sizes, network, nesting, seed):
    path = tmp_path_factory.mktemp("round") / "field.nf"
    parts = [nf.networks.Siren(a, b, **network) for a, b in itertools.pairwise(sizes)]
    field: nf.Field = nf.Chain(*parts, Linear(sizes[-1], 2, seed=seed))
    for _ in range(nesting):
        field = nf.Chain(Wrapper(field))
    field.frame = Frame.of_box((0.1,), (3,), "s")
    field.provenance = {"psnr": 31.25, "note": "é", "best": float("inf")}
    save(field, path)
    found = load(path, trust=TRUST)
    assert same(field, found)
    assert not found.training
    assert found.frame == field.frame
    assert found.provenance == field.provenance
    x = torch.rand(5, sizes[0]) * 2 - 1
    assert torch.equal(field(x), found(x))
    once = path.read_bytes()
    save(found, path)
    assert path.read_bytes() == once


def test_every_builtin_with_defaults(path):
    for field in (
        nf.encodings.FourierFeatures(2, seed=2**62),
        nf.encodings.PositionalEncoding(3),
        nf.encodings.HashGrid(2, log2_size=10),
        nf.networks.MLP(2, 3),
        nf.networks.Siren(2, 3),
        nf.fields.Affine(3),
    ):
        save(field, path)
        assert same(field, load(path))


def test_dtypes(path):
    field = nf.networks.MLP(2, 3)
    save(field, path, dtype="float16")
    found = load(path)
    for name, value in field.state_dict().items():
        assert torch.equal(found.state_dict()[name], value.half().float())
    double = nf.networks.MLP(2, 3).double()
    save(double, path, dtype="float64")
    assert same(double, load(path))
    save(double, path)
    assert read_header(path)["dtype"] == "float64"
    assert same(double, load(path))
    save(double, path, dtype="float32")
    assert {value.dtype for value in load(path).state_dict().values()} == {torch.float32}
    half = nf.networks.MLP(2, 3).half()
    save(half, path)
    assert same(half.float(), load(path))


def test_load_leaves_global_state_alone(saved):
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        found = load(saved)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(before, torch.get_rng_state())
    assert found.state_dict()["layers.0.weight"].dtype == torch.float32
    found.state_dict()["layers.0.weight"].zero_()  # is our own memory, not the file's
    assert not same(found, load(saved))


def test_read_header_builds_nothing(path):
    field = Linear(2, 3)
    field.frame = Frame.of_box((0, 0), (2, 3), "px")
    save(field, path)
    header = read_header(path)
    assert header["spec"] == field.spec
    assert header["format"] == 1
    assert header["dtype"] == "float32"
    assert Frame.from_json(header["frame"]) == field.frame
    assert header["provenance"] == {}


# What cannot be saved


def test_save_refuses(path):
    with pytest.raises(InputError, match=r"only fields can be saved, got Linear: derive its class from nf\.Field"):
        save(nn.Linear(2, 2), path)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"argument 'function' of .*Wrapper is of type function"):
        save(Wrapper(Linear(2, 2), function=refusal), path)
    with pytest.raises(InputError, match="dtype is one of float16, float32, float64, got 'int8'"):
        save(Linear(2, 2), path, dtype="int8")  # type: ignore[arg-type]
    field = Linear(2, 2)
    field.provenance = {"image": object()}
    with pytest.raises(InputError, match="not made of JSON values: Object of type object"):
        save(field, path)

    class Local(nf.Field):
        def __init__(self):
            super().__init__()
            self.in_dim = self.out_dim = 1

    with pytest.raises(InputError, match="define the class at the top of a module"):
        save(Local(), path)
    deep: nf.Field = Linear(2, 2)
    for _ in range(40):
        deep = Wrapper(deep)
    with pytest.raises(InputError, match="nested more than 32 deep"):
        save(deep, path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_save_refuses_what_diverged(path, value):
    field = Linear(2, 2)
    field.linear.weight.data[1, 0] = value
    with pytest.raises(InputError, match=r"holds NaN or Inf in 'linear\.weight', the fit diverged"):
        save(field, path)


def test_save_refuses_overflow(path):
    field = Linear(2, 2)
    field.linear.weight.data[1, 0] = 70000
    with pytest.raises(InputError, match=r"'linear\.weight' has values beyond 65504, the largest float16"):
        save(field, path, dtype="float16")
    save(field, path)


# Writing fails


def test_file_too_large(saved):
    """The kernel cuts a write short, as on a full disk; the old file stays, nothing is left behind."""
    resource = pytest.importorskip("resource")
    old = saved.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(InputError, match=f"cannot write {saved}: File too large"):
            save(nf.networks.MLP(2, 3), saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_interrupted_write(saved, monkeypatch, error):
    old = saved.read_bytes()

    def fail(descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((InputError, KeyboardInterrupt)) as caught:
        save(nf.networks.MLP(2, 3), saved)
    if isinstance(error, OSError):
        assert str(caught.value) == f"cannot write {saved}: No space left on device"
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


def test_unwritable_places(saved):
    for place in (saved / "field.nf", saved.parent / "missing" / "field.nf", saved.parent):
        with pytest.raises(InputError, match=r"cannot write .*: (Not a directory|No such file|Is a directory)"):
            save(Linear(2, 2), place)


# Foreign and damaged files


def test_foreign_files(tmp_path, saved):
    assert "does not exist" in refusal(tmp_path / "none.nf", error=InputError)
    assert "is a folder" in refusal(tmp_path, error=InputError)
    assert "is not a regular file" in refusal(Path(os.devnull), error=InputError)
    foreign = tmp_path / "foreign.nf"
    contents = {
        b"": "is empty",
        b"\x08": "is not a neuralfields field file, or cut short",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100): "is not a neuralfields field file",
        struct.pack("<Q", 2) + b"{}": "its metadata is none",
        struct.pack("<Q", 9) + b"{" + b"[" * 8: "is damaged or not",
        struct.pack("<Q", (16 << 20) + 8) + b"{" * ((16 << 20) + 8): "has a header of 16777224 bytes",
        struct.pack("<Q", 2**63) + b"{}": "cut short",
    }
    for content, message in contents.items():
        foreign.write_bytes(content)
        assert message in refusal(foreign)
    save_file({"a": torch.ones(3)}, foreign, metadata={"format": "pt"})
    assert "is a safetensors file but not a neuralfields field file: its metadata is format" in refusal(foreign)
    sealed.write(foreign, "neuralfields.checkpoint", {"format": 1, "state": {}}, {})
    assert "its metadata is neuralfields.checkpoint, not neuralfields" in refusal(foreign)


def test_other_metadata_and_entries(saved):
    _, tensors = sealed.read(saved, "neuralfields", 1, "")
    text = json.dumps({"format": 1})
    for metadata in ({"neuralfields": text, "more": ""}, {"neuralfields": text}, {"neuralfields": "[" * 100_000}):
        save_file(tensors, saved, metadata=metadata)
        refusal(saved)
    save(Linear(2, 2), saved)
    assert "unknown or missing entries: extra" in refusal(forge(saved, extra=1))


def test_every_bit_of_the_file(saved):
    """Each byte is either protected or unused."""
    data, field = saved.read_bytes(), load(saved)
    refused = 0
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        saved.write_bytes(changed)
        try:
            assert same(load(saved), field)
        except FileFormatError:
            refused += 1
    assert refused >= len(data) // 3 - 8


def test_random_mutations(tmp_path):
    out = tmp_path / "mutations.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "mutations.py"), "--count=300", f"--out={out}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    result = json.loads(out.read_text())["results"]
    assert result["mutations"] == 300
    assert result["accepted_other"] == 0
    assert result["other_errors"] == []
    assert result["peak_memory_growth_mib"] < 400


def test_newer_and_older_formats(saved, monkeypatch):
    forge(saved, format=2)
    assert refusal(saved).endswith(
        "made by a newer version (format 2, this reads up to 1): pip install -U neuralfields"
    )

    def rename(header, tensors):
        spec = {**header["spec"], "arguments": {**header["spec"]["arguments"], "depth": header["spec"]["layers"]}}
        del spec["layers"]
        return {**header, "spec": spec}, {f"layers.{name}": tensor for name, tensor in tensors.items()}

    field = load(forge(saved, format=1))
    spec = {**field.spec, "layers": 2, "arguments": {**field.spec["arguments"]}}
    del spec["arguments"]["depth"]
    tensors = {name.removeprefix("layers."): tensor for name, tensor in field.state_dict().items()}
    header, _ = sealed.read(saved, "neuralfields", 1, "")
    sealed.write(saved, "neuralfields", {**header, "spec": spec}, tensors)
    monkeypatch.setattr(field_file, "FORMAT", 3)
    assert "format 1 is no longer read" in refusal(saved)
    monkeypatch.setitem(migrate.MIGRATIONS, 1, rename)
    monkeypatch.setitem(migrate.MIGRATIONS, 2, lambda header, tensors: (header, tensors))
    assert same(load(saved), field)
    assert read_header(saved)["format"] == 3


# Malicious files, with the right SHA-256


def test_values_that_do_not_fit(saved):
    old = saved.read_bytes()
    name = "layers.0.weight"
    for tensors, message in (
        ({name: torch.full((8, 2), float("nan"))}, f"holds NaN or Inf in '{name}'"),
        ({name: torch.zeros(8, 3)}, f"'{name}' has shape [8, 3] in the file and [8, 2] in the field"),
        ({name: torch.zeros(8, 2, dtype=torch.int32)}, f"'{name}' is torch.int32 in the file and torch.float32"),
        ({name: torch.zeros(8, 2, dtype=torch.float64)}, "its header says torch.float32"),
        ({"more": torch.zeros(1)}, "the field has no 'more'"),
    ):
        assert message in refusal(forge(saved, tensors=tensors))
        saved.write_bytes(old)
    header, tensors = sealed.read(saved, "neuralfields", 1, "")
    tensors.pop(name)
    sealed.write(saved, "neuralfields", header, tensors)
    assert f"'{name}' is missing" in refusal(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "int8"}, "wrong kind"),
        ({"dtype": []}, "wrong kind"),
        ({"provenance": 3}, "wrong kind"),
        ({"frame": 3}, "not a frame"),
        ({"frame": {"matrix": [[0.0]], "offset": [0.0]}}, "invertible"),
        ({"format": 0}, "format 0"),
        ({"format": True}, "format True"),
        ({"format": "1"}, "format '1'"),
        ({"spec": None}, "got None"),
        ({"spec": 10**400}, "got None"),
        ({"spec": []}, "got None"),
        ({"spec": {"class": "os:system", "arguments": {"command": "true"}}}, "load with trust=('os',)"),
        ({"spec": {"class": "neuralfields.networks:Missing", "arguments": {}}}, "cannot be imported"),
        ({"spec": {"class": "neuralfields.networks:MLP", "arguments": 3}}, "an unknown object"),
        ({"spec": {"class": "neuralfields.networks:MLP", "arguments": {"in_dim": {}}}}, "an unknown object"),
        ({"spec": {"class": "neuralfields.networks:MLP", "arguments": {"a": 1}}}, "cannot be built"),
        ({"spec": {"class": "neuralfields.field:Chain", "arguments": {"parts": 5}}}, "cannot be loaded"),
        ({"spec": {"class": "neuralfields.field:Chain", "arguments": {"parts": "a" * (1 << 20)}}}, "characters"),
    ],
)
def test_headers_that_lie(saved, changes, message):
    assert message in refusal(forge(saved, **changes))


def test_untrusted_class(path):
    save(Linear(2, 2), path)
    assert f"whose package is not trusted; if you trust it, load with trust=({TRUST[0]!r},)" in refusal(path)
    assert same(load(path, trust=TRUST[0]), load(path, trust=TRUST))


@pytest.mark.parametrize("case", {case.cls: case for case in CASES}.values(), ids=lambda case: case.cls.__name__)
def test_huge_arguments(saved, case):
    """Whatever integer argument is set to 10^9 (or 2^24, or 40), the refusal comes fast and nothing else is raised."""
    spec = case.make().spec
    for name, value in spec["arguments"].items():
        if type(value) is int and name != "seed":
            for huge in (10**9, 10**400, 1 << 24, 40):
                forge(saved, spec={**spec, "arguments": {**spec["arguments"], name: huge}})
                refusal(saved)


@pytest.mark.parametrize("way", ["matrix", "table", "repeat", "layers", "modules", "loop"])
def test_greedy_constructors(path, way):
    save(Greedy("nothing"), path)
    forge(path, spec={"class": f"{__name__}:Greedy", "arguments": {"way": way, "size": 10**9}})
    assert "to build" in refusal(path, trust=TRUST)
    forge(path, spec={"class": f"{__name__}:Greedy", "arguments": {"way": "view", "size": 10**9}})
    load(path, trust=TRUST)


def test_the_collector_does_not_end_the_counting(path):
    """What Python calls while it collects garbage loses its errors, and would take the one that refuses with it."""

    def callback(phase: str, info: dict[str, int]) -> None:
        for _ in range(20):
            pass

    save(Greedy("nothing"), path)
    forge(path, spec={"class": f"{__name__}:Greedy", "arguments": {"way": "modules", "size": 10**6}})
    before = gc.get_threshold()
    gc.callbacks.append(callback)
    gc.set_threshold(20)
    try:
        assert "to build" in refusal(path, trust=TRUST)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(callback)


def test_nested_specs(saved):
    honest = spec = load(saved).spec
    for _ in range(13):
        spec = {"class": "neuralfields.field:Chain", "arguments": {"parts": [spec, spec]}}
    assert "more than 1048576 characters" in refusal(forge(saved, spec=spec))
    spec = honest
    for _ in range(200):
        spec = {"class": "neuralfields.field:Chain", "arguments": {"parts": [spec]}}
    assert "nested more than 32 deep" in refusal(forge(saved, spec=spec))


def test_a_radiance_field_of_an_earlier_version():
    """Written before fits of such fields began with long steps; its values then are told here."""
    field = load(EARLIER / "marched-1.nf")
    values = field(torch.tensor([[0.1, -0.2, -0.1, 0, 0, 1.0], [0.5, 0.5, 0.9, 0, 1.0, 0]]))
    wanted = [[2.7183, 0.4790, 0.5455, 0.4811], [0.0, 0.4780, 0.5424, 0.4794]]
    torch.testing.assert_close(values, torch.tensor(wanted), rtol=0, atol=1e-4)
    assert isinstance(field, nf.fields.Marched) and int(field.age) == 20 and field.carved
