"""Running an ONNX file beside the model that it was made from."""

from __future__ import annotations

from typing import Any

import numpy

from gluon_gru.convert.onnx_file import state_names
from gluon_gru.convert.weights import Weights

#: The largest difference allowed, as a share of the largest number. Rounding stays far below.
TOLERANCE = 1e-4


def runtime() -> Any:
    """Return the package ``onnxruntime``, or None if it isn't installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    return onnxruntime


def difference(data: bytes, model: Any, weights: Weights) -> float:
    """Return the largest difference of a logit or state, as a share of the largest of its kind.

    Both run over the same random tokens from the same random state.

    Args:
        data: the bytes of the ONNX file.
        model: the MXNet model, on the CPU.
        weights: of the model.
    """
    import mxnet as mx

    rng, batch_size = numpy.random.default_rng(1), 3
    tokens = rng.integers(0, weights.vocab_size, (batch_size, 20))
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
