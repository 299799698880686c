"""The contestants on PyTorch: its recurrent layers, trained, and stepped through a text.

Tried on two cores at the chapter's sizes, tokens/sec: see `LanguageModel` and `make`.
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
            vocab_size, num_hiddens, batch_first=True)
        self.dense = nn.Linear(num_hiddens, vocab_size)
        self.register_buffer("one_hot", torch.eye(vocab_size))
        with torch.no_grad():
            for param, value in ((self.rnn.weight_ih_l0, stacked["W_x"]),
                                 (self.rnn.weight_hh_l0, stacked["W_h"]),
                                 (self.rnn.bias_ih_l0, stacked["b"]),
                                 (self.dense.weight, stacked["W_q"]),
                                 (self.dense.bias, stacked["b_q"])):
                param.copy_(torch.from_numpy(value))
            self.rnn.bias_hh_l0.zero_()

    def forward(self, X, state):
        """Run over tokens (batch_size, num_steps); logits (batch_size * num_steps, vocab_size)."""
        hiddens, state = self.rnn(self.one_hot[X], state)
        return self.dense(hiddens.flatten(0, 1)), state


def make(job, minibatches):
    """Return ``run(steps)`` and the facts of a job; see `gluon_gru.benchmark.catalogue.job`.

    A step is a minibatch, and its outcome the mean loss a token, or it is a generated character,
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
    prefix = torch.tensor([[names.index(token) for token in job["prefix"]]])

    @torch.inference_mode()
    def run(steps):
        inputs, state, predicted = prefix, None, []
        for _ in range(steps):
            logits, state = model(inputs, state)
            inputs = logits[-1:].argmax(1, keepdim=True)
            predicted.append(inputs)
        return job["prefix"] + "".join(names[index] for index in torch.cat(predicted).flatten())

    return run
