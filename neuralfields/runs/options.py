"""What a user may ask of a fit, and the recipe that comes of it."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Any

import torch

from neuralfields import ops, recipes, signals
from neuralfields.errors import FileFormatError, InputError
from neuralfields.field import Field, from_spec
from neuralfields.fields import InvertedSphere
from neuralfields.fitting import SAMPLERS, Adam, LossWeighted, Teaching
from neuralfields.geometry.proximity import BACKENDS as DISTANCES
from neuralfields.objectives import Calibrated, Photometric
from neuralfields.protocols import Source
from neuralfields.recipes import Recipe
from neuralfields.render.surface import FORMS
from neuralfields.signals.photos import SPLITS
from neuralfields.signals.reading import ForeignOptions

_CORRECTIONS = 1e-3  # rate of cameras' and exposures', whatever the recipe's


@dataclass(frozen=True)
class Options:
    """What a user may ask of a fit; None leaves it to the recipe.

    Attributes:
        kind: of signal, instead of judging by the path.
        field: name in ``recipes.METHODS`` or "package.module:Class".
        recipe: name in ``recipes.RECIPES``; sets everything, so it excludes ``field``.
        steps, seconds: budget; with both, the first one reached ends the fit.
        until_psnr: ends the fit once the whole signal (of scenes, the training views) has this PSNR; at most 10 times
            the recipe's steps.
        params: about how many parameters a field by name shall have.
        batch, lr, ema: override the recipe's; the rate is the network's, that of tables follows.
        sampler: name in ``fitting.SAMPLERS`` of what chooses the samples.
        holdout: share of an image's samples, or of a scene's pictures, kept from training.
        scale: whole number by which a scene's pictures are made smaller.
        split: "test", or "val" to judge a scene without a look at its test pictures.
        refine_poses: whether the cameras of a scene are corrected during the fit, see ``objectives.Calibrated``.
        exposure: whether its pictures' gains are learned too.
        form: what is learned of a shape: "sdf", "occupancy" or "udf", see ``render.Surface``.
        samples: how many of a shape are made.
        distances: what tells a mesh's, see ``geometry.proximity.Proximity``.
        viewpoint: where the scanner of points without normals stood, in their unit.
        seed: of initialisation and sampling.
        device: "auto", "cpu" or "cuda".
        backend: the kernels to use, or to fail without, see ``ops.wherever``; None for what fits best.
        threads: of torch; its own default if None.
        precision: of matrix products, "highest" or "medium", as for ``torch.set_float32_matmul_precision``; the
            recipe's by default.
    """

    kind: str | None = None
    field: str | None = None
    recipe: str | None = None
    steps: int | None = None
    seconds: float | None = None
    until_psnr: float | None = None
    params: int | None = None
    batch: int | None = None
    lr: float | None = None
    ema: float | None = None
    sampler: str | None = None
    holdout: float | None = None
    scale: int | None = None
    split: str | None = None
    refine_poses: bool = False
    exposure: bool = False
    form: str | None = None
    samples: int | None = None
    distances: str | None = None
    viewpoint: tuple[float, float, float] | None = None
    seed: int = 0
    device: str = "auto"
    backend: str | None = None
    threads: int | None = None
    precision: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no fit could use, so that nothing has been read or made by then."""
        if self.recipe and self.field:
            raise InputError("--recipe sets the field too: give either --recipe or --field")
        if self.params and (self.recipe or ":" in (self.field or "")):
            raise InputError("--params sets the size of a field by name, as in --field siren --params 200k")
        if self.until_psnr and (self.refine_poses or self.exposure):
            raise InputError(
                "--until-psnr measures views as they are told, --refine-poses and --exposure correct them: "
                "--steps or --seconds end such a fit"
            )
        if self.sampler is not None and self.sampler not in SAMPLERS:
            raise InputError(f"--sampler is one of {', '.join(SAMPLERS)}, got {self.sampler!r}")
        for option, value, known in (
            ("as", self.form, FORMS),
            ("distances", self.distances, DISTANCES),
            ("split", self.split, SPLITS),
        ):
            if value is not None and value not in known:
                raise InputError(f"--{option} is one of {', '.join(known)}, got {value!r}")
        for name, (allowed, fits) in _ALLOWED.items():
            value = getattr(self, name)
            if value is not None and not fits(value):
                raise InputError(f"--{name.replace('_', '-')} is {allowed}, got {value}")
        _maker(self)
        device_named(self.device)
        with ops.wherever(self.backend):
            pass


_ALLOWED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "steps": ("a number of steps from 1 on", lambda n: n >= 1),
    "seconds": ("a time above 0", lambda s: 0 < s < math.inf),
    "until_psnr": ("a PSNR in dB above 0", lambda db: 0 < db < math.inf),
    "params": ("a number of parameters from 1 to 100M", lambda n: 1 <= n <= 100_000_000),
    "batch": ("a number of samples from 1 on", lambda n: n >= 1),
    "samples": ("a number from 1 to 1000M", lambda n: 1 <= n <= 1_000_000_000),
    "lr": ("a learning rate above 0", lambda rate: 0 < rate < math.inf),
    "ema": ("a share above 0 and below 1", lambda share: 0 < share < 1),
    "holdout": ("a share from 0 to below 1", lambda share: 0 <= share < 1),
    "scale": ("a whole number from 1 on", lambda factor: factor >= 1),
    "viewpoint": ("three finite numbers", lambda place: len(place) == 3 and all(map(math.isfinite, place))),
    "seed": ("a whole number from 0 to 2^63 - 1", lambda n: 0 <= n < 2**63),
    "threads": ("between 1 and 1024", lambda n: 1 <= n <= 1024),
    "precision": ("highest or medium", lambda name: name in ("highest", "medium")),
}


# Of what the kinds of signals take, what a user can ask for and how.
_WORDS = {
    "holdout": "--holdout",
    "form": "--as",
    "sampling": "--samples",
    "distances": "--distances",
    "viewpoint": "--viewpoint",
    "scale": "--scale",
    "split": "--split",
}


def read_signal(path: str | os.PathLike[str], options: Options) -> Source:
    """Read the signal to fit.

    Raises:
        InputError: as for ``signals.read``, or an option is not for its kind.
    """
    # A share of 0 is said to scenes, which hold pictures out by themselves, and is nothing new to all others.
    scene = options.holdout == 0 and (options.kind or signals.kind_of(path)) == signals.PosedImages.kind
    given = {
        "holdout": options.holdout if scene else options.holdout or None,
        "form": options.form,
        "sampling": None if options.samples is None else {"samples": options.samples},
        "distances": options.distances,
        "viewpoint": options.viewpoint,
        "scale": options.scale,
        "split": options.split,
    }
    try:
        signal = signals.read(path, kind=options.kind, **given)
    except ForeignOptions as error:
        takes, foreign = (", ".join(_WORDS[n] for n in names if n in _WORDS) for names in (error.takes, error.foreign))
        raise InputError(f"{path} is read as {error.kind}, which takes {takes}, not {foreign}") from None
    if options.sampler and signal.kind != "image":
        raise InputError(f"--sampler chooses among pixels, {path} is read as {signal.kind}: leave it out")
    for option, wanted in (("refine-poses", options.refine_poses), ("exposure", options.exposure)):
        if wanted and not isinstance(signal, signals.PosedImages):
            raise InputError(f"--{option} is for scenes of posed photos, {path} is read as {signal.kind}: leave it out")
    return signal


def recipe_of(signal: Source, options: Options) -> Recipe:
    torch.manual_seed(options.seed)
    recipe = _maker(options)(signal)
    changes = {name: value for name in ("batch", "ema") if (value := getattr(options, name)) is not None}
    recipe = replace(recipe, **changes)
    if options.refine_poses and isinstance(recipe.field, InvertedSphere):
        raise InputError(
            f"--refine-poses moves cameras, and {recipe.name} has a sphere around them where they are told to be: "
            "--recipe ngp, mip360 or nerf works"
        )
    if isinstance(signal, signals.PosedImages) and isinstance(recipe.objective, Photometric):
        recipe = replace(recipe, objective=_calibrated(recipe.objective, recipe.optimizer.lr, signal, options))
    if options.sampler:
        recipe = replace(recipe, sampler=_sampler(options.sampler, recipe))
    return recipe if options.lr is None else replace(recipe, optimizer=_rated(recipe, options.lr))


def _calibrated(objective: Photometric, lr: float, signal: signals.PosedImages, options: Options) -> Photometric:
    if not (options.refine_poses or options.exposure):
        return objective
    asked = {"poses": options.refine_poses, "exposure": options.exposure}
    return Calibrated.of(objective, signal.training, **asked, lr_scale=_CORRECTIONS / lr)


def _sampler(name: str, recipe: Recipe) -> Teaching | LossWeighted:
    """A sampler by name. Teaching chooses among so many samples that the share it starts with is a batch."""
    sampler = SAMPLERS[name]()
    return replace(sampler, pool=round(recipe.batch / sampler.start)) if isinstance(sampler, Teaching) else sampler


def _rated(recipe: Recipe, lr: float) -> Adam:
    """The recipe's optimizer with this rate for the network; all other rates keep their ratios to it."""
    groups = recipe.optimizer(recipe.field).param_groups
    network = [group for group in groups if not group["lazy"]] or groups
    largest = max(network, key=lambda group: sum(p.numel() for p in group["params"]))
    scale, rates = lr / largest["lr"], recipe.optimizer
    return replace(rates, lr=rates.lr * scale, table_lr=None if rates.table_lr is None else rates.table_lr * scale)


def _maker(options: Options) -> Callable[[Source], Recipe]:
    """The function that makes the recipe asked for."""
    name = options.field or ""
    if ":" in name:
        return partial(recipes.custom, make=partial(_foreign, name))
    if name or options.params:
        return partial(_named(recipes.METHODS, name or "hash", "field"), params=options.params)
    return _named(recipes.RECIPES, options.recipe, "recipe") if options.recipe else recipes.default


def _foreign(name: str, in_dim: int, out_dim: int) -> Field:
    """A field of somebody's own class, "package.module:Class"."""
    try:
        spec = {"class": name, "arguments": {"in_dim": in_dim, "out_dim": out_dim}}
        return from_spec(spec, trust=(package_of(name),))
    except FileFormatError as error:
        raise InputError(
            f"--field {name}: {error}; it names an nf.Field that takes in_dim and out_dim, "
            "in a module on PYTHONPATH, as package.module:Class"
        ) from error


def package_of(name: str) -> str:
    """Of "package.module:Class"; nothing for the name of one of our own fields."""
    return name.partition(".")[0].partition(":")[0] if ":" in name else ""


def trusted(options: Options) -> list[str]:
    """The package of the field class asked for, if it is somebody's own."""
    return [package] if (package := package_of(options.field or "")) not in ("", "neuralfields") else []


def _named(known: Mapping[str, Callable[..., Recipe]], name: str, what: str) -> Callable[..., Recipe]:
    if name in known:
        return known[name]
    nearest = get_close_matches(name, known, 1, 0.4)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    if what == "recipe" and name in recipes.METHODS:
        hint = f"; it is a field: --field {name}"
    there = ", ".join(known)
    if what == "field":
        there = "those that nf methods lists, or your own as package.module:Class"
    raise InputError(f"no {what} is called {name!r}: there are {there}{hint}")


def device_named(name: str) -> str:
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device is auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch sees no CUDA device here; --device cpu works")
    return "cuda" if name == "auto" and torch.cuda.is_available() else name.replace("auto", "cpu")
