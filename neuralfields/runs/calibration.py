"""What a fit has learned of the cameras and the pictures of a scene, so that nothing of it is lost."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuralfields.files.posed import write_scene
from neuralfields.geometry import se3
from neuralfields.objectives import Calibrated
from neuralfields.protocols import Objective, Source
from neuralfields.signals import PosedImages


def calibration(folder: Path, signal: Source, objective: Objective) -> dict[str, Any]:
    """Corrections of each view that was trained on, as an entry of ``run.json``; nothing where none were learned.

    By the name of the picture: by how much the camera turned, in degrees, and moved, in the world's unit, and the gains
    of the channels. Corrected cameras become a ``transforms.json`` in the folder, with those of the views that are
    judged as they were: a scene that can be fitted again.

    Raises:
        InputError: the file cannot be written.
    """
    if not isinstance(objective, Calibrated) or not isinstance(signal, PosedImages):
        return {}
    told: list[dict[str, Any]] = [{"name": name} for name in signal.names[: signal.training]]
    if objective.exposure:
        for entry, gain in zip(told, objective.gain().tolist(), strict=True):
            entry["gain"] = gain
    if objective.poses:
        before = signal.cameras[: signal.training]
        after = objective.corrected(before, signal.frame)
        for entry, was, now in zip(told, before, after, strict=True):
            way = se3.log(se3.product(now.pose, se3.inverse(was.pose)))
            entry["turned"] = math.degrees(float(way[3:].norm()))
            entry["moved"] = float((now.eye - was.eye).norm())
        cameras, splits = [*after, *signal.cameras[signal.training :]], _splits(signal)
        photos = zip(signal.photos, cameras, splits, strict=True)
        write_scene(folder, [replace(p, pose=c.pose.numpy(), split=s) for p, c, s in photos], "nerfstudio")
    return {"calibration": told}


def _splits(signal: PosedImages) -> list[str]:
    """Of all views, so that a fit of the file is judged by the same ones; of no judged ones no file can tell."""
    judged = signal.describe()["split"]
    return ["train"] * signal.training + [judged] * (len(signal.cameras) - signal.training)
