"""The contestants on the engine, as ``gluon-gru train`` runs it: without MXNet."""

from __future__ import annotations

import collections
import itertools
import math
import statistics
from typing import Callable

from gluon_gru.engine.choosing import Choosing
from gluon_gru.own_texts.writing import continuation
from gluon_gru.training.learner import EngineLearner, learner_from


def config_of(job: dict) -> dict:
    """Return the facts of a job's model, as checkpoints have them."""
    from_scratch = "params.00" in job["params"]
    return {
        "model": "RNNModelScratch" if from_scratch else "RNNModel",
        "cell": job["cell"],
        "on_engine": job["kind"] == "engine",
        "vocab_size": job["vocab_size"],
        "num_hiddens": job["num_hiddens"],
        "num_layers": job["num_layers"],
        "directions": 1,
        "dropout": job["dropout"],
    }


def make(job: dict, minibatches: Callable) -> tuple[Callable, dict]:
    """Return ``run(steps)`` and the facts of a job; see `benchmarks.jobs.jobs`.

    A step is a minibatch, whose outcome is the mean loss per token; a token of the likeliest text,
    whose outcome is the text; or a text that is drawn. Those differ, so the outcome is the likeliest.
    """
    learner = learner_from(job["params"], config_of(job))
    assert isinstance(learner, EngineLearner)
    prefix = job["prefix"]
    if job["task"] == "generation":
        return lambda steps: prefix + learner.generate(prefix, steps), {"work": 1}
    if job["task"] == "writing":
        likeliest = prefix + learner.generate(prefix, 20)

        how = Choosing(job["temperature"], job["top_k"])

        def write(steps):
            for seed in range(steps):
                drawn = continuation(learner, prefix, how, seed)
                collections.deque(itertools.islice(drawn, job["length"]), maxlen=0)
            return likeliest

        return write, {"work": job["length"]}
    shape = job["batch_size"], job["num_steps"]

    def run(steps):
        losses = []
        for X, Y in minibatches(job["tokens"], *shape, steps):
            if job["task"] == "training":
                losses.append(learner.step(X, Y, job["lr"], from_zeros=not losses))
            else:
                losses.append(learner.score(X, Y, from_zeros=not losses))
        return statistics.fmean(losses)

    return run, {"work": math.prod(shape)}
