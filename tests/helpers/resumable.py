"""Trainings that can be interrupted and gone on with.

Run as a program, with a path, the seconds between two saves and a seed, it is one such training: it
prints every epoch as it ends.
"""

import random
import signal
import sys

import gluon_gru as d2l  # first: it makes "import mxnet" work

# isort: split
import mxnet as mx
import reference
from reference import MODELS, loader

from gluon_gru.cli import options
from gluon_gru.runs import checkpoint

# Long enough that none ends before it is stopped.
EPOCHS, NAME = 30, "scratch GRU with dropout"


def train(path, name, seed, num_epochs, own_rng=False, on_epoch=None):
    """Train a new model over a new loader; return ``(history, parameters as bytes)``."""
    d2l.set_seed(seed)
    options = {"rng": random.Random(seed)} if own_rng else {}
    train_iter = loader(**options)
    model = MODELS[name](len(train_iter.vocab))
    history = d2l.train(
        model,
        train_iter,
        train_iter.vocab,
        1,
        num_epochs,
        mx.cpu(),
        checkpoint=path,
        on_epoch=on_epoch,
    )
    return history, [array.asnumpy().tobytes() for array in reference.parameters(model)]


if __name__ == "__main__":
    # A shell's background job has it switched off.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path, checkpoint._SAVE_SECONDS, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    options.run(
        lambda: train(path, NAME, seed, EPOCHS, on_epoch=lambda epoch, _: print(epoch, flush=True))
    )
