"""A Field maps coordinates to values: R^n -> R^m on the box [-1, 1]^n. Everything that is fitted is one."""

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from neuralfields import ops
from neuralfields.errors import FileFormatError, InputError
from neuralfields.geometry import Frame
from neuralfields.ops.field_step import Model, Stage

FieldLike = Callable[[Tensor], Tensor]  # a Field, any module, or a function of coordinates [*batch, n]

# The modules a spec may name without being trusted first; nothing else of the package is ever imported by a file.
_PUBLIC_MODULES = ("neuralfields.field", "neuralfields.networks", "neuralfields.encodings", "neuralfields.fields")


def _recorded(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)  # first, so that wrong arguments are told by the class itself
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            more = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            arguments |= {key: _plain(item) for key, item in (value.items() if more else [(name, value)])}
        self.spec = {"class": _class_name(type(self)), "arguments": arguments}
        if type(self).place is not Field.place:
            self.register_buffer("placed", torch.tensor(False))

    return wrapper


def _once(place: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(place)
    def wrapper(self: Any, detail: Callable[[int], Tensor]) -> None:
        if not self.placed:
            place(self, detail)
            self.placed.fill_(True)

    wrapper.once = True  # type: ignore[attr-defined]
    return wrapper


def _class_name(cls: type) -> str:
    """Classes of this package are named by their public module, so that files survive a move of the code."""
    module = cls.__module__
    public = ".".join(module.split(".")[:2])
    return f"{public if public in _PUBLIC_MODULES else module}:{cls.__qualname__}"


def _plain(value: Any) -> Any:
    """JSON values as they are, fields as their spec, anything else as a note that storage refuses with its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Field):
        return value.spec
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    return {"unrecorded": type(value).__name__}


class Field(nn.Module):
    """Coordinates ``[*batch, in_dim]`` to values ``[*batch, out_dim]``.

    A subclass sets ``in_dim`` and ``out_dim`` in its constructor and defines ``forward``. Each class is final: wrap a
    field in another one, do not subclass it. Constructor arguments are recorded in ``spec`` (numbers, strings, lists
    and other fields), which is all that is needed to build the same field again.

    A field with levels of detail overrides ``levels``. Parameters that only the coarser levels use are trained by
    ``objectives.MultiScale``.

    Attributes:
        spec: ``{"class": "module:Name", "arguments": {...}}``, nested for fields made of fields.
        frame: the map from the box to the signal's units, set by fitting and by loading; None when unknown.
        provenance: what the field was fitted to and how well, as JSON values; set by fitting and by loading.
        paper: citation of the method.
        lr_scale: learning rate of this method's parameters relative to the optimizer's.
        tables: names of the parameters with one row per grid vertex, of which a batch touches few; they get lazy Adam.
    """

    in_dim: int
    out_dim: int
    spec: dict[str, Any]
    frame: Frame | None = None
    provenance: Mapping[str, Any] = {}
    paper: ClassVar[str] = ""
    lr_scale: ClassVar[float] = 1.0
    tables: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parent = next((base for base in cls.__mro__[1:] if issubclass(base, Field) and base is not Field), None)
        if parent is not None:
            raise TypeError(f"{parent.__name__} is final: let {cls.__name__} hold one instead of deriving from it")
        # Wrapping __init__ keeps deepcopy and pickle working; recording in __new__ does not.
        cls.__init__ = _recorded(cls.__init__)  # type: ignore[method-assign]
        if cls.place is not Field.place and not hasattr(cls.place, "once"):  # its own, or a mixin's
            cls.place = _once(cls.place)  # type: ignore[method-assign]

    def __call__(self, x: Tensor) -> Tensor:
        """Values at coordinates.

        Raises:
            InputError: the last axis of ``x`` does not have ``in_dim`` entries.
        """
        if x.shape[-1:] != (self.in_dim,):
            raise InputError(
                f"{type(self).__name__} takes coordinates [*batch, {self.in_dim}], got shape {list(x.shape)}"
            )
        return super().__call__(x)

    def levels(self, x: Tensor) -> list[Tensor]:
        """Values ``[*batch, out_dim]`` for each level of detail, from coarse to fine; the last are those of a call."""
        return [self(x)]

    def stages(self) -> Sequence[Stage] | None:
        """The field as tensors and settings for the ops that compute a whole field at once; None where it is more."""
        return None

    def place(self, detail: Callable[[int], Tensor]) -> None:
        """Put what has a place where it is needed; called before the first step of a fit.

        It does so once: a field that was fitted before leaves what was learnt where it is. Of a class that overrides
        this the buffer ``placed`` tells, which files and checkpoints keep.

        Args:
            detail: gives that many coordinates [n, in_dim], drawn at random, others at each call: more of them where
                the signal varies more, or samples in random order of a signal that does not know its detail.
        """

    def advance(self, fraction: float) -> None:
        """Called before each step of a fit with the share of its budget that is used up, 0 to 1, as masks want it.

        What values depend on is kept in a buffer, so that files and checkpoints have it.
        """

    def feedback(self, x: Tensor, loss: Tensor) -> None:
        """Called after every fourth step with a batch's coordinates [n, in_dim] and each sample's squared error [n]."""

    def extra_repr(self) -> str:
        arguments = self.spec["arguments"].items() if "spec" in self.__dict__ else ()
        return ", ".join(f"{name}={value}" for name, value in arguments if not _holds_spec(value))


class Chain(Field):
    """Fields one after the other: an encoding, a network, an output map.

    >>> import neuralfields as nf
    >>> nf.Chain(nf.encodings.HashGrid(2, levels=4), nf.networks.MLP(16, 3))
    Traceback (most recent call last):
        ...
    neuralfields.errors.InputError: HashGrid gives 8 values but MLP takes 16

    Raises:
        InputError: two neighbours do not fit, or there is none.
    """

    def __init__(self, *parts: Field):
        super().__init__()
        if not parts:
            raise InputError("a Chain needs at least one field")
        for part in parts:
            if not isinstance(part, Field):
                raise InputError(f"a Chain is made of fields, got {type(part).__name__}")
        for left, right in pairwise(parts):
            if left.out_dim != right.in_dim:
                raise InputError(
                    f"{type(left).__name__} gives {left.out_dim} values but {type(right).__name__} takes {right.in_dim}"
                )
        self.in_dim = parts[0].in_dim
        self.out_dim = parts[-1].out_dim
        self.parts = nn.ModuleList(parts)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.parts)  # type: ignore[arg-type]

    def stages(self) -> Sequence[Stage] | None:
        stages: list[Stage] = []
        for part in self:
            found = part.stages() if not hooked(part) else None
            if found is None:
                return None
            stages += found
        return stages

    def levels(self, x: Tensor) -> list[Tensor]:
        """Those of the first part that has more than one, each through the parts after it."""
        levels = [x]
        for part in self:
            levels = part.levels(levels[0]) if len(levels) == 1 else [part(level) for level in levels]
        return levels

    def forward(self, x: Tensor) -> Tensor:
        if ops.wanted_derivatives() == 0 and not torch.compiler.is_compiling() and (model := model_of(self)):
            values = ops.field_values.attempt(model, x.reshape(-1, self.in_dim))
            if values is not None:
                return values.view(*x.shape[:-1], self.out_dim)
        for part in self.parts:
            x = part(x)
        return x


def hooked(module: nn.Module) -> bool:
    """Whether something wants to be called when the module is, or when its gradients are computed."""
    own = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    return any(own) or bool(_has_any_global_hook())


def model_of(field: nn.Module) -> Model | None:
    """A field as the fused ops know it: a grid or none, a network, an output map or none. None if it is not that."""
    stages = field.stages() if isinstance(field, Field) and not hooked(field) else None
    return Model.of(stages) if stages else None


def device_of(field: FieldLike) -> torch.device:
    """Where the parameters and buffers of a field are; the CPU for one without any, and for a plain function."""
    tensors = field.state_dict().values() if isinstance(field, nn.Module) else ()
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def dtype_of(field: FieldLike) -> torch.dtype:
    """What the coordinates of a field are in: float64 where its first parameter is, else float32."""
    parameters = field.parameters() if isinstance(field, nn.Module) else ()
    first = next((parameter.dtype for parameter in parameters if parameter.is_floating_point()), torch.float32)
    return torch.float64 if first == torch.float64 else torch.float32


@torch.no_grad()
def evaluate(field: FieldLike, x: Tensor, *, chunk: int = 1 << 16) -> Tensor:
    """Values at ``x`` ``[n, in_dim]`` without gradient, ``chunk`` points at a time so that memory stays bounded."""
    if len(x) <= chunk:
        return field(x)
    return torch.cat([field(part) for part in x.split(chunk)])


def from_spec(spec: Mapping[str, Any], *, trust: Sequence[str] = ()) -> Field:
    """Build a field with fresh parameters from its spec.

    Args:
        spec: what ``Field.spec`` holds.
        trust: packages whose classes may be imported besides this one, as in ``("mypackage",)``.

    Raises:
        FileFormatError: the class is unknown, not trusted, not a Field, or refuses its arguments.
    """
    cls = _resolve(spec, trust)
    recorded = spec.get("arguments", {})
    if not isinstance(recorded, Mapping):
        raise FileFormatError(f"a field's spec has its arguments by name, got {recorded!r}")
    arguments = {name: _build(value, trust) for name, value in recorded.items()}
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    starred = next((i for i, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL), None)
    positional: list[Any] = []
    try:
        if starred is not None:
            # What stands before ``*parts`` can only be given by position.
            positional += [arguments.pop(p.name) for p in parameters[:starred] if p.name in arguments]
            positional += arguments.pop(parameters[starred].name, ())
        return cls(*positional, **arguments)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{spec['class']} cannot be built from its recorded arguments: {error}") from error


def _resolve(spec: Mapping[str, Any], trust: Sequence[str]) -> type[Field]:
    name = spec.get("class") if isinstance(spec, Mapping) else None
    if not isinstance(name, str) or name.count(":") != 1:
        raise FileFormatError(f"a field's spec names its class as 'module:Name', got {name!r}")
    module, _, attribute = name.partition(":")
    trusted = module in _PUBLIC_MODULES or any(module == p or module.startswith(p + ".") for p in trust)
    if not trusted:
        package = module.partition(".")[0]
        raise FileFormatError(
            f"the field is a {name}, whose package is not trusted; "
            f"if you trust it, load with trust=({package!r},) or --trust {package}"
        )
    try:
        cls = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise FileFormatError(f"the field is a {name}, which cannot be imported: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, Field) and cls is not Field):
        raise FileFormatError(f"{name} is not a field class")
    return cls


def _build(value: Any, trust: Sequence[str]) -> Any:
    if _is_spec(value):
        return from_spec(value, trust=trust)
    if isinstance(value, list):
        return [_build(item, trust) for item in value]
    return value


def _is_spec(value: Any) -> bool:
    return isinstance(value, Mapping) and "class" in value


def _holds_spec(value: Any) -> bool:
    return _is_spec(value) or (isinstance(value, list) and any(_is_spec(item) for item in value))
