"""Photographs whose cameras are only roughly known: small corrections of them are learned with the field."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from dataclasses import field as attribute

import torch
from torch import Tensor, nn

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import FieldLike
from neuralfields.geometry import Camera, Frame, se3
from neuralfields.objectives.photometric import Photometric
from neuralfields.protocols import Batch, RayBatch
from neuralfields.volume import Seen

_RATE = 1 / 30  # so that a step of the recipe ngp is a thousandth of a box unit, and of a radian


@dataclass(eq=False)
class Calibrated(Photometric):
    """``Photometric`` with unknowns of each view: where its camera was, and how bright and how warm its picture is.

    A correction of a camera is a motion of its rays in box coordinates, the exponential of a twist (Lin et al., BARF:
    Bundle-Adjusting Neural Radiance Fields, ICCV 2021). A correction of a picture is a gain for each channel of what is
    seen, the exponential of a number. All begin at none. Of twists, and of these numbers, the mean over all views is
    taken away: else the world could move with all cameras, or become darker with brighter pictures, unnoticed. Its size
    is left open: cameras all around may move away together, from a world that grows with it.

    They are trained as the field's parameters are, at a rate of their own, and through autograd.

    Args:
        views: how many there are, from 2 on; ``RayBatch.camera`` is below it.
        poses: whether cameras are corrected.
        exposure: whether pictures are.
        lr_scale: rate of the corrections, in terms of the optimizer's ``lr``.

    Raises:
        InputError: there are fewer than two views, or nothing to correct; as for ``Photometric``; on a call,
            rays do not tell their view.
    """

    views: int = attribute(kw_only=True)
    poses: bool = True
    exposure: bool = False
    lr_scale: float = _RATE

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(lr_scale=self.lr_scale)
        if self.views < 2:
            raise InputError(f"corrections are those against the mean of two or more views, got {self.views}")
        if not (self.poses or self.exposure):
            raise InputError("nothing would be corrected: poses, exposure or both work")
        self.twists = nn.Parameter(torch.zeros(self.views, 6)) if self.poses else None
        self.gains = nn.Parameter(torch.zeros(self.views, 3)) if self.exposure else None

    @classmethod
    def of(
        cls, photometric: Photometric, views: int, *, poses: bool, exposure: bool, lr_scale: float = _RATE
    ) -> "Calibrated":
        """The same objective with corrections."""
        return cls(**asdict(photometric), views=views, poses=poses, exposure=exposure, lr_scale=lr_scale)

    def forward(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]:
        if self.poses:
            view = self._view_of(batch)
            batch = replace(batch, x=_moved(self.motions().index_select(0, view), batch.x))
        return super().forward(field, batch, step)

    def shown(self, seen: Seen, background: Tensor, batch: Batch) -> Tensor:
        if self.exposure:
            gain = self.gain().index_select(0, self._view_of(batch))
            seen = replace(seen, colour=seen.colour * gain)
        return super().shown(seen, background, batch)

    def task(self) -> None:
        """None: the fused step has no gradient of rays."""
        return None

    def motions(self) -> Tensor:
        """Of each view's rays, in box coordinates, [views, 3, 4]."""
        assert self.twists is not None, "poses are not corrected"
        return se3.exp(self.twists - self.twists.mean(0))

    def gain(self) -> Tensor:
        """What colours that are seen are multiplied with in each view's picture, [views, 3]."""
        assert self.gains is not None, "exposure is not corrected"
        return (self.gains - self.gains.mean(0)).exp()

    @torch.no_grad()
    def corrected(self, cameras: Sequence[Camera], frame: Frame) -> list[Camera]:
        """The cameras of the views, in the world, where they are now thought to be.

        Args:
            cameras: of all views, as they were told.
            frame: of the box.
        """
        turn = torch.tensor(frame.matrix, dtype=torch.float64) / frame.scale
        found = []
        for camera, motion in zip(cameras, self.motions().cpu().double(), strict=True):
            motion[:, :3] = se3.nearest_rotation(motion[:, :3])  # single precision is not straight enough
            moved = se3.product(motion, camera.in_box(frame).pose)
            pose = torch.cat([turn @ moved[:, :3], frame.to_world(moved[:, 3])[:, None]], 1)
            found.append(Camera(pose, camera.focal, camera.size, camera.centre, camera.lens))
        return found

    def _view_of(self, batch: Batch) -> Tensor:
        if not isinstance(batch, RayBatch) or batch.camera is None:
            raise InputError("views are corrected by the number that RayBatch.camera tells of each ray, there is none")
        return batch.camera


def _moved(motion: Tensor, rays: Tensor) -> Tensor:
    """Rays [n, 6] after motions [n, 3, 4]."""
    turned = (motion[:, None, :, :3] * rays.reshape(-1, 2, 1, 3)).sum(-1)
    return torch.cat([turned[:, 0] + motion[:, :, 3], turned[:, 1]], -1)
