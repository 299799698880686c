"""The contestant on JAX: the book's equations in a ``lax.scan``, the whole training step jitted.

What was tried, in turns on two cores at the chapter's sizes, in tokens/sec: ``unroll`` of 1 is the
fastest (38k; 2: 37k; 5: 34k; 35: 20k). Gathering rows of W_x and multiplying one-hot inputs by it
are as fast (38k and 39k), and so is a step without donated buffers (38k). Matrix products are in
float32, JAX's default on a CPU.
"""

from __future__ import annotations

import functools
import importlib.metadata
import math
import operator
from typing import Callable

import jax
import jax.numpy as jnp

# The book's equations have no second bias, h2h_bias.
_PARAMS = {
    "W_x": "rnn.l0_i2h_weight",
    "W_h": "rnn.l0_h2h_weight",
    "b": "rnn.l0_i2h_bias",
    "W_q": "dense.weight",
    "b_q": "dense.bias",
}


def make(job: dict, minibatches: Callable) -> tuple[Callable, dict]:
    """Return ``run(steps)`` and the facts; a step is a minibatch, its outcome the mean loss."""
    shape = job["batch_size"], job["num_steps"]
    zeros = jnp.zeros((job["batch_size"], job["num_hiddens"]))
    state = (zeros, zeros) if job["cell"] == "lstm" else (zeros,)
    step = jax.jit(functools.partial(_step, _CELLS[job["cell"]], job["lr"]), donate_argnums=0)
    params = {name: jnp.asarray(job["params"][gluons].T) for name, gluons in _PARAMS.items()}

    def run(steps):
        nonlocal params
        carried, total = state, jnp.zeros(())
        for X, Y in minibatches(job["tokens"], *shape, steps):
            params, carried, total = step(params, carried, total, X, Y)
        # The last update belongs to the time too.
        jax.block_until_ready(params)
        return float(total) / steps

    return run, {
        "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
        "work": math.prod(shape),
    }


def _gru(W_h, state, x):
    """Run a time step of the book's GRU; x holds the inputs' part of reset, update, candidate."""
    (H,) = state
    gates = 2 * H.shape[1]
    R, Z = jnp.split(jax.nn.sigmoid(x[:, :gates] + H @ W_h[:, :gates]), 2, axis=1)
    H = Z * H + (1 - Z) * jnp.tanh(x[:, gates:] + (R * H) @ W_h[:, gates:])
    return (H,), H


def _lstm(W_h, state, x):
    H, C = state
    I, F, candidate, O = jnp.split(x + H @ W_h, 4, axis=1)
    C = jax.nn.sigmoid(F) * C + jax.nn.sigmoid(I) * jnp.tanh(candidate)
    H = jax.nn.sigmoid(O) * jnp.tanh(C)
    return (H, C), H


def _rnn(W_h, state, x):
    H = jnp.tanh(x + state[0] @ W_h)
    return (H,), H


_CELLS = {"gru_before": _gru, "lstm": _lstm, "rnn_tanh": _rnn}


def _loss(params, state, cell, X, Y):
    state, H = jax.lax.scan(
        functools.partial(cell, params["W_h"]), state, params["W_x"][X.T] + params["b"]
    )
    logits = H.reshape(-1, H.shape[-1]) @ params["W_q"] + params["b_q"]
    right = jnp.take_along_axis(jax.nn.log_softmax(logits), Y.T.reshape(-1, 1), axis=1)
    return -right.mean(), state


def _step(cell, lr, params, state, total, X, Y):
    (loss, state), grads = jax.value_and_grad(_loss, has_aux=True)(params, state, cell, X, Y)
    norm = jnp.sqrt(functools.reduce(operator.add, [(g**2).sum() for g in grads.values()]))
    rate = lr * jnp.minimum(1, 1 / norm)
    return {name: params[name] - rate * grads[name] for name in params}, state, total + loss
