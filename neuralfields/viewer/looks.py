"""How a picture looks: which values become which colours, as the page's own shaders have it."""

import math

import numpy as np

from neuralfields.render import displayed
from neuralfields.render.imaging import as_light
from neuralfields.viewer.protocol import Backdrop, Look, MapName

# Perceptually even colour maps: viridis and inferno (van der Walt and Smith), cividis (Nuñez et al. 2018).
COLOUR_MAPS: dict[MapName, str] = {
    "viridis": "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b "
    "addc30 d8e219 fde725",
    "inferno": "000004 160b39 420a68 6a176e 932667 bc3754 dd513a f37819 fca50a f6d746 fcffa4",
    "cividis": "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    "grey": "000000 ffffff",
}
_OUTSIDE = 0.92  # of the backdrop's brightness, where a plane's box has ended
_BRIGHT = 0.99  # share of the values that a scale found from a picture shows below its end


def mapped(share: np.ndarray, name: MapName) -> np.ndarray:
    """Numbers [...], 0 to 1 from the lower to the upper end of a map, as colours [..., 3]."""
    stops = np.array([list(bytes.fromhex(stop)) for stop in COLOUR_MAPS[name].split()]) / 255
    place = share.clip(0, 1) * (len(stops) - 1)
    return np.stack([np.interp(place, np.arange(len(stops)), stops[:, c]) for c in range(3)], -1)


def behind(size: tuple[int, int], backdrop: Backdrop) -> np.ndarray:
    """What lies behind a picture of this (width, height), as colours [height, width, 3]."""
    width, height = size
    if backdrop in ("white", "black"):
        return np.full((height, width, 3), float(backdrop == "white"))
    y, x = np.mgrid[:height, :width] + 0.5
    if backdrop == "checker":
        return np.where((x // 8 + y // 8) % 2 == 0, 0.8, 0.62)[..., None].repeat(3, -1)
    far = np.hypot(x / width - 0.5, y / height - 0.42)
    t = (far / 0.85).clip(0, 1)[..., None]
    return np.array([0.235, 0.25, 0.285]) + t * t * (3 - 2 * t) * np.array([-0.15, -0.158, -0.175])


def over(picture: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """A picture [height, width, 4], its alpha straight, in front of a backdrop: [height, width, 3]."""
    alpha = picture[..., 3:]
    return picture[..., :3] * alpha + behind(picture.shape[1::-1], backdrop) * (1 - alpha)


def outside(colours: np.ndarray, there: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """Colours [height, width, 3], but the darkened backdrop where ``there`` [height, width] is False."""
    return np.where(there[..., None], colours, _OUTSIDE * behind(colours.shape[1::-1], backdrop))


def chosen(values: np.ndarray, look: Look) -> np.ndarray:
    """Of values [..., channels] the channel that is looked at; more than four are only looked at one by one."""
    if look.channel is None and values.shape[-1] <= 4:
        return values
    channel = min(look.channel or 0, values.shape[-1] - 1)
    return values[..., channel : channel + 1]


def coloured(values: np.ndarray, look: Look, *, linear: bool) -> np.ndarray:
    """Values [height, width, channels], one to four, as colours [height, width, 3].

    The last of two and of four channels is alpha. ``linear``: the others are linear light.
    """
    alpha = values.shape[-1] in (2, 4)
    shown, gain = values[..., : values.shape[-1] - alpha], 2.0**look.exposure
    if linear or gain != 1:
        shown = displayed((shown if linear else as_light(shown)) * gain, linear=True)
    shown = np.broadcast_to(shown.clip(0, 1), (*shown.shape[:2], 3))
    return over(np.concatenate([shown, values[..., -1:].clip(0, 1)], -1), look.backdrop) if alpha else shown


def scale_of(amounts: np.ndarray, look: Look) -> float:
    """The amount at the upper end of the colours: as chosen, or a round one found from the picture."""
    return look.scale or rounded(float(np.quantile(amounts, _BRIGHT)) if amounts.size else 0.0)


def rounded(value: float) -> float:
    """The next number not below of which legends are easily read: 1, 2 or 5 times a power of ten; 1 for none."""
    if not (value > 0 and math.isfinite(value)):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((step for step in (1, 2, 5) if step * power >= value * (1 - 1e-9)), 10) * power
