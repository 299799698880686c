"""Running an ONNX file beside the model that it was made from."""

from __future__ import annotations

from typing import Any, Mapping

import numpy

from gluon_gru.convert.onnx_file import state_names
from gluon_gru.engine.numpy_network import numpy_layers

#: The largest difference allowed, as a share of the largest number. Rounding stays far below.
TOLERANCE = 1e-4


def runtime() -> Any:
    """Return the package ``onnxruntime``, or None if it isn't installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    return onnxruntime


def difference(
    data: bytes, params: Mapping[str, numpy.ndarray], config: Mapping[str, Any]
) -> float:
    """Return the largest difference of a logit or state, as a share of the largest of its kind.

    The file runs over random tokens from a random state, and so do the model's own equations, in
    NumPy, on the parameters as the checkpoint has them.

    Args:
        data: the bytes of the ONNX file.
        params, config: of the model, as in its checkpoint.
    """
    rng, batch_size, names = numpy.random.default_rng(1), 3, state_names(config["cell"])
    layers, W_q, b_q = numpy_layers(params, config)
    sides = [side for layer in layers for side in layer]
    tokens = rng.integers(0, config["vocab_size"], (batch_size, 20))
    shape = (len(sides), batch_size, config["num_hiddens"])
    state = [rng.uniform(-1, 1, shape).astype(numpy.float32) for _ in names]
    session = runtime().InferenceSession(data, providers=["CPUExecutionProvider"])
    logits, *ends = session.run(None, {"tokens": tokens, **dict(zip(names, state))})
    hiddens = tokens.T
    expected: list[list[numpy.ndarray]] = []
    for layer in layers:
        outputs = []
        # The second direction reads from the end.
        for side, order in zip(layer, (1, -1)):
            start = [part[len(expected)] for part in state]
            out, end = side.forward(hiddens[::order], start)
            outputs.append(out[::order])
            expected.append(end)
        hiddens = numpy.concatenate(outputs, axis=2)
    ours = [hiddens @ W_q + b_q, *map(numpy.array, zip(*expected))]
    theirs = [logits.swapaxes(0, 1), *ends]
    return max(float(numpy.abs(a - b).max() / numpy.abs(b).max()) for a, b in zip(theirs, ours))
