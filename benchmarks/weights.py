"""The weights that all contestants start from, as each of them keeps its own.

Drawn once, in the book's layout; Gluon's and PyTorch's layers get the same numbers, converted, with
zeros for the second bias that they have and the book's equations don't.
"""

import numpy

#: The gates by their places in the book's parameters, in the order in which Gluon and PyTorch
#: stack them: reset, update, candidate; input, forget, candidate, output.
STACKED = {"gru": (1, 0, 2), "lstm": (0, 1, 3, 2), "rnn": (0,)}


def draw(cell, vocab_size, num_hiddens, scale):
    """Return the parameters of `gluon_gru.models.get_gru_params` and the like, float32 arrays.

    Args:
        cell: ``gru``, ``lstm`` or ``rnn``.
        vocab_size, num_hiddens: sizes.
        scale: the standard deviation of the weights; biases are 0.
    """
    rng = numpy.random.default_rng(1)

    def layer(*shapes):
        return [
            *(rng.normal(0, scale, shape).astype(numpy.float32) for shape in shapes),
            numpy.zeros(shapes[-1][1], numpy.float32),
        ]

    gates = [layer((vocab_size, num_hiddens), (num_hiddens, num_hiddens)) for _ in STACKED[cell]]
    return sum(gates, []) + layer((num_hiddens, vocab_size))


def stack(cell, params):
    """Return the book's parameters as a dict of stacked arrays, (outputs, inputs) each.

    ``W_x`` (gates * num_hiddens, vocab_size), ``W_h`` (gates * num_hiddens, num_hiddens), ``b``
    (gates * num_hiddens,), ``W_q`` (vocab_size, num_hiddens), ``b_q`` (vocab_size,).
    """
    parts = [
        numpy.concatenate([params[3 * gate + part].T for gate in STACKED[cell]])
        for part in range(3)
    ]
    W_x, W_h, b = map(numpy.ascontiguousarray, parts)
    return {
        "W_x": W_x,
        "W_h": W_h,
        "b": b,
        "W_q": numpy.ascontiguousarray(params[-2].T),
        "b_q": params[-1],
    }
