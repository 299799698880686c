"""The contestants on PyTorch: its recurrent layers, trained, and stepped through a text.

What was tried, in turns on two cores at the chapter's sizes, in tokens/sec. With the layer as it
is, all of these are within 3% (40k to 42k): one-hot inputs from ``one_hot``, from rows of a unit
matrix and from ``embedding``; ``batch_first`` or not; clipping with ``foreach`` or not; SGD fused,
``foreach`` or a parameter at a time. So is a cell written out over an embedding (39k), and
``torch.compile``, which by itself leaves recurrent layers alone (40k to 41k). Allowed to take the
layer apart (``allow_rnn``) it is faster, 47k instead of 36k, but compiles for minutes: a contestant
of its own. A ``GRUCell`` generates 11k characters/sec, the layer 8k: another one.
"""

from __future__ import annotations

import math
import os
from typing import Callable

import torch
from torch import nn

from benchmarks.model_torch import LanguageModel, detached


def make(job: dict, minibatches: Callable) -> tuple[Callable, dict]:
    """Return ``run(steps)`` and the facts of a job; see `benchmarks.catalogue.jobs`.

    A step is a minibatch, whose outcome is the mean loss per token, or a generated character, whose
    outcome is the text.
    """
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = LanguageModel(job["params"], job["cell"])
    facts = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    if job["task"] == "generation":
        return _generation(model, job), {**facts, "work": 1}
    shape = job["batch_size"], job["num_steps"]
    return _training(model, job, minibatches), {**facts, "work": math.prod(shape)}


def _training(model, job, minibatches):
    params = list(model.parameters())
    optimizer = torch.optim.SGD(params, lr=job["lr"], fused=True)
    cross_entropy = nn.CrossEntropyLoss()

    def forward(X, labels, state):
        logits, state = model(X, state)
        return cross_entropy(logits, labels), state

    if "compile" in job["options"]:
        torch._dynamo.config.allow_rnn = True
        forward = torch.compile(forward, dynamic=False)
    zeros = torch.zeros(1, job["batch_size"], job["num_hiddens"])

    def run(steps):
        state, total = (zeros, zeros) if job["cell"] == "lstm" else zeros, torch.zeros(())
        for X, Y in minibatches(job["tokens"], job["batch_size"], job["num_steps"], steps):
            X, labels = (torch.from_numpy(tokens).long() for tokens in (X, Y))
            loss, state = forward(X, labels.flatten(), state)
            state = detached(state)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(params, 1, foreach=False)
            optimizer.step()
            total += loss.detach()
        return total.item() / steps

    return run


def _generation(model, job):
    names = ["<unk>", *(token for token, _ in job["token_freqs"])]
    prefix = torch.tensor([names.index(token) for token in job["prefix"]])
    read = _by_cell(model) if "by cell" in job["options"] else model

    @torch.inference_mode()
    def run(steps):
        inputs, state, predicted = prefix[None], None, []
        for _ in range(steps):
            logits, state = read(inputs, state)
            # The next input stays a tensor: reading it here would take longer.
            inputs = logits[-1:].argmax(1, keepdim=True)
            predicted.append(inputs)
        indices = torch.cat(predicted).flatten().tolist()
        return job["prefix"] + "".join(names[index] for index in indices)

    return run


def _by_cell(model):
    """Return what reads tokens (1, num_steps) as a GRU's model does, by a ``GRUCell``."""
    cell = nn.GRUCell(model.rnn.input_size, model.rnn.hidden_size)
    cell.load_state_dict(
        {name[: -len("_l0")]: value for name, value in model.rnn.state_dict().items()}
    )

    def read(X, state):
        for token in X[0].split(1):
            state = cell(model.one_hot[token], state)
        return model.dense(state), state

    return read
