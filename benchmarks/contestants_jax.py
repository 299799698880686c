"""The contestant on JAX: the equations in a ``lax.scan``, the whole training step jitted.

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

_PARTS = {"W_x": "i2h_weight", "W_h": "h2h_weight", "b": "i2h_bias", "b_h": "h2h_bias"}


def make(job: dict, minibatches: Callable) -> tuple[Callable, dict]:
    """Return ``run(steps)`` and the facts; a step is a minibatch, its outcome the mean loss."""
    shape = job["batch_size"], job["num_steps"]
    zeros = jnp.zeros((job["batch_size"], job["num_hiddens"]))
    one = (zeros, zeros) if job["cell"] == "lstm" else (zeros,)
    state = (one,) * job["num_layers"]
    cell = _CELLS[job["cell"]]
    if job["task"] == "training":
        step = jax.jit(functools.partial(_train_step, cell, job["lr"]), donate_argnums=0)
    else:
        score = jax.jit(functools.partial(_score_step, cell))

        def step(params, *others):
            return params, *score(params, *others)

    params = _params(job)

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


def _params(job):
    """Return a dict for each layer and one for the output; the book's equations have no b_h."""
    given = job["params"]
    return [
        *(
            {
                ours: jnp.asarray(given[f"rnn.l{i}_{gluons}"].T)
                for ours, gluons in _PARTS.items()
                if f"rnn.l{i}_{gluons}" in given
            }
            for i in range(job["num_layers"])
        ),
        {"W_q": jnp.asarray(given["dense.weight"].T), "b_q": jnp.asarray(given["dense.bias"])},
    ]


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


def _loss(params, states, cell, X, Y):
    *layers, output = params
    H, ends = None, []
    for layer, state in zip(layers, states):
        # One-hot rows pick rows of the first layer's weight.
        x = layer["W_x"][X.T] if H is None else H @ layer["W_x"]
        x += layer["b"] + layer.get("b_h", 0)
        state, H = jax.lax.scan(functools.partial(cell, layer["W_h"]), state, x)
        ends.append(state)
    logits = H.reshape(-1, H.shape[-1]) @ output["W_q"] + output["b_q"]
    right = jnp.take_along_axis(jax.nn.log_softmax(logits), Y.T.reshape(-1, 1), axis=1)
    return -right.mean(), tuple(ends)


def _train_step(cell, lr, params, states, total, X, Y):
    (loss, states), grads = jax.value_and_grad(_loss, has_aux=True)(params, states, cell, X, Y)
    squares = [(grad**2).sum() for grad in jax.tree.leaves(grads)]
    rate = lr * jnp.minimum(1, 1 / jnp.sqrt(functools.reduce(operator.add, squares)))
    updated = jax.tree.map(lambda param, grad: param - rate * grad, params, grads)
    return updated, states, total + loss


def _score_step(cell, params, states, total, X, Y):
    loss, states = _loss(params, states, cell, X, Y)
    return states, total + loss
