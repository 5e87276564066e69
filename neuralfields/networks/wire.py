"""WIRE: activations that are waves in a window, local in space and in frequency.

@inproceedings{saragadam2023wire,
  title={WIRE: Wavelet Implicit Neural Representations},
  author={Saragadam, Vishwanath and LeJeune, Daniel and Tan, Jasper and Balakrishnan, Guha and
    Veeraraghavan, Ashok and Baraniuk, Richard},
  booktitle={CVPR}, year={2023}}
"""

from torch import Tensor, nn

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import fading, layer_sizes, through
from neuralfields.networks.pairs import gabor, wavelet_layers

PAPER = "Saragadam et al., WIRE: Wavelet Implicit Neural Representations, CVPR 2023"


class Wire(Field):
    """h' = exp(i omega z - |scale z|^2) with z = W h + b complex, then the real part of a linear map.

    The first map is real, the others complex; all parts are U(-1/sqrt(fan_in), 1/sqrt(fan_in)). Hidden layers hold
    floor(width / sqrt 2) complex values. An activation can reach exp((omega / scale)^2 / 4): keep omega below about
    twice the scale, or the values grow from layer to layer.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of a real network with about as many parameters.
        depth: number of activated layers; the paper's image network has 3.
        omega: frequency of the wave: 20 for images, 10 for occupancy, 4 or 5 to remove noise.
        scale: inverse width of the window: 30, 40, and 4 or 5 for the same; FINER's comparisons on images take 10.

    Raises:
        InputError: an argument is out of range.
    """

    paper = PAPER
    lr_scale = 5.0

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 3, omega: float = 20.0, scale: float = 30.0
    ):
        super().__init__()
        positive(omega=omega, scale=scale)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.omega, self.scale = float(omega), float(scale)
        self.layers = wavelet_layers(in_dim, out_dim, width, depth)

    def forward(self, x: Tensor) -> Tensor:
        first, *hidden, last = self.layers
        z = gabor(first(x), None, self.omega, self.scale)
        for layer in hidden:
            p, q = layer(z).chunk(2, -1)
            z = gabor(p, q, self.omega, self.scale)
        return last(z)


class RealWire(Field):
    """h' = cos(omega (W h + b)) exp(-(scale (V h + c))^2) with two real maps per layer, then a linear map.

    The real form of WIRE. Initialised as PyTorch does. Twice the parameters of a plain network of the same width.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        omega, scale: as in ``Wire``.

    Raises:
        InputError: an argument is out of range.
    """

    paper = PAPER
    lr_scale = 5.0

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 3, omega: float = 20.0, scale: float = 30.0
    ):
        super().__init__()
        positive(omega=omega, scale=scale, depth=depth)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.omega, self.scale = float(omega), float(scale)
        # Both maps of a layer in one product: W and b, then V and c.
        *hidden, last = layer_sizes(in_dim, out_dim, width, depth)
        self.layers = nn.ModuleList([*(nn.Linear(a, 2 * b) for a, b in hidden), nn.Linear(*last)])

    def forward(self, x: Tensor) -> Tensor:
        return through(x, self.layers, self._activation)

    def _activation(self, z: Tensor) -> Tensor:
        wave, window = z.chunk(2, -1)
        return (self.omega * wave).cos() * fading(window.square() * -(self.scale**2))


class Wire2D(Field):
    """h' = exp(i omega u) exp(-scale^2 (|u|^2 + |v|^2)) with two complex maps u and v of h per layer.

    WIRE with a window that is bounded in two directions. As ``Wire``, with floor(width / 2) complex values.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of a real network with about as many parameters.
        depth: number of activated layers.
        omega, scale: as in ``Wire``; 10 and 10 are the paper's for tomography.

    Raises:
        InputError: an argument is out of range.
    """

    paper = PAPER
    lr_scale = 5.0

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 3, omega: float = 10.0, scale: float = 10.0
    ):
        super().__init__()
        positive(omega=omega, scale=scale)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.omega, self.scale = float(omega), float(scale)
        self.layers = wavelet_layers(in_dim, out_dim, width, depth, maps=2)

    def forward(self, x: Tensor) -> Tensor:
        first, *hidden, last = self.layers
        u, v = first(x).chunk(2, -1)
        z = gabor(u, None, self.omega, self.scale, across=v.square())
        for layer in hidden:
            p, v, q, w = layer(z).chunk(4, -1)  # real parts of u and v, then imaginary ones
            z = gabor(p, q, self.omega, self.scale, across=v.square() + w.square())
        return last(z)
