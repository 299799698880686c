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
    """Return ``run(steps)`` and the facts of a job; see `benchmarks.jobs.jobs`.

    A step is a minibatch, whose outcome is the mean loss per token; a token of the likeliest text,
    whose outcome is the text; or a text that is drawn. Those differ, so the outcome is the likeliest.
    """
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = LanguageModel(job["params"], job["cell"], job["num_layers"], job["dropout"])
    facts = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    if job["task"] in ("generation", "writing"):
        work = job["length"] if job["task"] == "writing" else 1
        return _text(model, job), {**facts, "work": work}
    shape = job["batch_size"], job["num_steps"]
    kind = _training if job["task"] == "training" else _scoring
    return kind(model, job, minibatches), {**facts, "work": math.prod(shape)}


def _tokens(job, minibatches, steps):
    for X, Y in minibatches(job["tokens"], job["batch_size"], job["num_steps"], steps):
        yield torch.from_numpy(X).long(), torch.from_numpy(Y).long().flatten()


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
    zeros = torch.zeros(job["num_layers"], job["batch_size"], job["num_hiddens"])

    def run(steps):
        state, total = (zeros, zeros) if job["cell"] == "lstm" else zeros, torch.zeros(())
        for X, labels in _tokens(job, minibatches, steps):
            loss, state = forward(X, labels, state)
            state = detached(state)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(params, 1, foreach=False)
            optimizer.step()
            total += loss.detach()
        return total.item() / steps

    return run


def _scoring(model, job, minibatches):
    model.eval()
    cross_entropy = nn.CrossEntropyLoss()

    @torch.inference_mode()
    def run(steps):
        state, total = None, torch.zeros(())
        for X, labels in _tokens(job, minibatches, steps):
            logits, state = model(X, state)
            total += cross_entropy(logits, labels)
        return total.item() / steps

    return run


def _text(model, job):
    model.eval()
    prefix = torch.tensor(job["prefix"])
    read = _by_cell(model) if "by cell" in job["options"] else model

    @torch.inference_mode()
    def continued(steps, choose):
        inputs, state, predicted = prefix[None], None, []
        for _ in range(steps):
            logits, state = read(inputs, state)
            # The next input stays a tensor: reading it here would take longer.
            inputs = choose(logits[-1:])
            predicted.append(inputs)
        return job["prefix"] + torch.cat(predicted).flatten().tolist()

    def likeliest(logits):
        return logits.argmax(1, keepdim=True)

    def drawn(logits):
        most, tokens = torch.topk(logits, min(job["top_k"], logits.shape[1]))
        chances = torch.softmax(most / job["temperature"], 1)
        return tokens.gather(1, torch.multinomial(chances, 1))

    if job["task"] == "generation":
        return lambda steps: continued(steps, likeliest)
    text = continued(20, likeliest)

    def run(steps):
        for _ in range(steps):
            continued(job["length"], drawn)
        return text

    return run


def _by_cell(model):
    """Return what reads tokens (1, num_steps) as the model does, by a ``GRUCell`` or ``LSTMCell``."""
    kind = {nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}[type(model.rnn)]
    cells, weights = [], model.rnn.state_dict()
    for i in range(model.rnn.num_layers):
        size = model.rnn.hidden_size if i else model.rnn.input_size
        cells.append(kind(size, model.rnn.hidden_size))
        end = f"_l{i}"
        cells[-1].load_state_dict(
            {name[: -len(end)]: value for name, value in weights.items() if name.endswith(end)}
        )

    def read(X, states):
        states = states or [None] * len(cells)
        for token in X[0].split(1):
            hidden = model.inputs(token)
            for i, cell in enumerate(cells):
                states[i] = cell(hidden, states[i])
                hidden = states[i][0] if isinstance(states[i], tuple) else states[i]
        return model.dense(hidden), states

    return read
