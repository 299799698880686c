"""An ONNX file against the model that it was made from, by ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy

from gluon_gru.convert.onnx_file import state_names
from gluon_gru.convert.weights import Weights

#: How far a number may be off, as a share of the largest; sums in another order stay far below.
TOLERANCE = 1e-4


def runtime() -> Any:
    """Return the package ``onnxruntime``, or None if it isn't installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    return onnxruntime


def difference(
    data: bytes, model: Any, weights: Weights, batch_size: int = 3, num_steps: int = 20
) -> float:
    """Run both over random tokens from a random state; return how far apart they end.

    That is the largest difference of any logit or state, as a share of the largest of its kind.

    Args:
        data: the bytes of the ONNX file.
        model: the model on the CPU.
        weights: its weights.
        batch_size, num_steps: of the tokens.
    """
    import mxnet as mx

    rng = numpy.random.default_rng(1)
    tokens = rng.integers(0, weights.vocab_size, (batch_size, num_steps))
    shape = (len(weights.layers) * weights.directions, batch_size, weights.num_hiddens)
    names = state_names(weights.cell)
    state = [rng.uniform(-1, 1, shape).astype(numpy.float32) for _ in names]
    session = runtime().InferenceSession(data, providers=["CPUExecutionProvider"])
    logits, *ends = session.run(None, {"tokens": tokens, **dict(zip(names, state))})
    # A model from scratch has one layer, and states without that axis.
    begin = model.begin_state(batch_size=batch_size, ctx=mx.cpu())
    outputs, expected = model(
        mx.np.array(tokens, dtype="int32"),
        [mx.np.array(part).reshape(shaped.shape) for part, shaped in zip(state, begin)],
    )
    theirs = [logits.swapaxes(0, 1).reshape(-1, weights.vocab_size), *ends]
    ours = [outputs.asnumpy(), *(end.asnumpy().reshape(shape) for end in expected)]
    return max(float(numpy.abs(a - b).max() / numpy.abs(b).max()) for a, b in zip(theirs, ours))
