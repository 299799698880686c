"""The contestants on PyTorch: its recurrent layers, trained, and stepped through a text.

Tried in turns on two cores at the chapter's sizes, tokens/sec: with the layer as it is, one-hot
inputs from ``one_hot``, from rows of a unit matrix and from ``embedding``, ``batch_first`` or not,
clipping with ``foreach`` or not, and SGD fused, ``foreach`` or a parameter at a time are all within
3% (40k to 42k); so is a cell written out over an embedding (39k), and ``torch.compile``, which by
itself leaves recurrent layers alone (40k to 41k). Where it is allowed to take the layer apart
(``allow_rnn``) it wins, 47k beside 36k, but compiles for minutes: a contestant of its
own. A ``GRUCell`` generates 11k characters/sec beside 8k of the layer: another one.
"""

import math
import os

import torch
from torch import nn


class LanguageModel(nn.Module):
    """One of PyTorch's recurrent layers over one-hot inputs, then a linear layer to logits."""

    def __init__(self, cell, vocab_size, num_hiddens, stacked):
        super().__init__()
        self.rnn = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}[cell](
            vocab_size, num_hiddens, batch_first=True
        )
        self.dense = nn.Linear(num_hiddens, vocab_size)
        self.register_buffer("one_hot", torch.eye(vocab_size))
        with torch.no_grad():
            for param, value in (
                (self.rnn.weight_ih_l0, stacked["W_x"]),
                (self.rnn.weight_hh_l0, stacked["W_h"]),
                (self.rnn.bias_ih_l0, stacked["b"]),
                (self.dense.weight, stacked["W_q"]),
                (self.dense.bias, stacked["b_q"]),
            ):
                param.copy_(torch.from_numpy(value))
            self.rnn.bias_hh_l0.zero_()

    def forward(self, X, state):
        """Run over tokens (batch_size, num_steps); logits (batch_size * num_steps, vocab_size)."""
        hiddens, state = self.rnn(self.one_hot[X], state)
        return self.dense(hiddens.flatten(0, 1)), state


def make(job, minibatches):
    """Return ``run(steps)`` and the facts of a job; see `benchmarks.catalogue.jobs`.

    A step is a minibatch, and its outcome the mean loss per token, or it is a generated character,
    and its outcome the text.
    """
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = LanguageModel(job["cell"], job["vocab_size"], job["num_hiddens"], job["stacked"])
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

    if job["compile"]:
        torch._dynamo.config.allow_rnn = True
        forward = torch.compile(forward, dynamic=False)
    zeros = torch.zeros(1, job["batch_size"], job["num_hiddens"])

    def run(steps):
        state, total = (zeros, zeros) if job["cell"] == "lstm" else zeros, torch.zeros(())
        for X, Y in minibatches(job["tokens"], job["batch_size"], job["num_steps"], steps):
            X, labels = (torch.from_numpy(tokens).long() for tokens in (X, Y))
            loss, state = forward(X, labels.flatten(), state)
            state = tuple(s.detach() for s in state) if job["cell"] == "lstm" else state.detach()
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
    read = _by_cell(model) if job["by_cell"] else model

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
