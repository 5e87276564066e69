"""A plain multi-layer perceptron.

Contract of ``mlp(x, weights, biases, activation)``:
    x: [n, in]; weights: one [out, in] per linear map; biases: one [out] per map, or None for none at all.
    activation: a name in ``ACTIVATIONS``, applied after every map but the last.
    result: [n, out of the last map].
Derivatives: any order on the reference.
"""

from neuralfields.ops._op import Op
from neuralfields.ops.mlp.reference import ACTIVATIONS, reference

mlp = Op("mlp", reference)

__all__ = ["ACTIVATIONS", "mlp"]
