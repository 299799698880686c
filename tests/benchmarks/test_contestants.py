"""Contestants of the same function reach the same losses and texts, at every task."""

import importlib
import os

import mxnet as mx
import numpy
import pytest
from mxnet import np

from benchmarks import catalogue, contest, contestants_engine, contestants_mxnet, jobs, worker
from gluon_gru import models

TOKENS = numpy.random.default_rng(1).integers(0, 7, 400).astype(numpy.int32)


def tiny(measure, number=0, **further):
    """Return a contest of a measure, with small sizes."""
    one = catalogue.contests(measure)[number]
    sizes = {"num_hiddens": 6}
    if one.task in ("training", "scoring"):
        sizes.update(batch_size=min(one.batch_size, 4), num_steps=5)
    if one.vocab_size:
        sizes["vocab_size"] = 30
    return one._replace(**{**sizes, **further})


def told(measure, name, number=0, **further):
    return jobs.jobs(tiny(measure, number, **further), TOKENS, 7)[name]


def outcomes(each, names, steps):
    """Return the outcomes of contestants in this process."""
    found, given = {}, jobs.jobs(each, TOKENS, 7)
    for one in each.contestants:
        if one.name in names:
            module = importlib.import_module(f"benchmarks.{one.module}")
            run, _ = module.make({**given[one.name], "length": 5}, worker.minibatches)
            found[one.name] = run(steps), run(steps)
    return found


# Measure, and which of its contests.
_ALL = [
    ("training", 0),
    ("cells", 0),
    ("cells", 1),
    ("shapes", 0),
    ("layers", 0),
    ("layers", 1),
    ("layers", 8),
    ("words", 0),
    ("words", 2),
    ("scoring", 0),
    ("scoring", 1),
    ("scoring", 2),
    ("scoring", -1),
    ("scoring", -3),
    ("small", 1),
    ("block", 0),
    ("generation", 0),
    ("writing", 0),
    ("writing", 2),
    ("writing", 4),
]


@pytest.mark.slow
@pytest.mark.parametrize("measure, number", _ALL)
def test_contestants_agree(measure, number, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    each = tiny(measure, number)
    here = [one for one in each.contestants if catalogue.missing(one) is None]
    if len(here) < 2:
        pytest.skip("its peers are not installed")
    found = outcomes(each, [one.name for one in here], 3)
    assert len(found) == len(here)
    functions = {one.name: jobs.agreeing(each, one) for one in here}
    contest.check(found, functions, learning=each.task == "training")
    if each.task in ("generation", "writing"):
        # The prefix, and the likeliest 3 tokens after it, or 20.
        assert {len(text) for text, _ in found.values()} <= {14 + 3, 14 + 20}


def test_a_contestant_with_another_weight_is_found_out():
    each, found = tiny("scoring", 2), {}
    assert each.cell == "rnn"
    job = jobs.jobs(each, TOKENS, 7)["engine"]
    for name, factor in (("right", 1), ("wrong", -1)):
        weight, params = "rnn.l0_h2h_weight", job["params"]
        changed = {**job, "params": {**params, weight: factor * params[weight]}}
        run, _ = contestants_engine.make(changed, worker.minibatches)
        found[name] = run(3), run(3)
    with pytest.raises(ArithmeticError, match="wrong and right don't compute the same"):
        contest.check(found, dict.fromkeys(found, "one"), learning=False)


def test_a_text_that_is_drawn_is_one_step_and_its_outcome_the_likeliest_text():
    job = told("writing", "engine")
    run, facts = contestants_engine.make(job, worker.minibatches)
    assert facts["work"] == catalogue.LENGTH == job["length"]
    assert run(2) == run(1) and len(run(1)) == len(job["prefix"]) + 20


def test_every_run_starts_from_zeros():
    job = told("shapes", "engine")
    run, _ = contestants_engine.make({**job, "task": "scoring"}, worker.minibatches)
    assert run(4) == run(4) != run(2)


@pytest.mark.parametrize("name", ["rnn.{}, this package's loop", "engine, Gluon's {}"])
@pytest.mark.parametrize("number", [0, 1])
def test_the_layer_with_converted_weights_computes_what_the_book_computes(number, name):
    each = tiny("cells", number)
    X = np.array(numpy.random.default_rng(1).integers(0, 7, (2, 6)), dtype="int32")
    given, outputs = jobs.jobs(each._replace(task="scoring"), TOKENS, 7), []
    for one in ("the book's {}, this package's loop", name):
        model = contestants_mxnet._model(given[one.format(each.cell.upper())])
        outputs.append(model(X, model.begin_state(2, ctx=mx.cpu()))[0].asnumpy())
    assert numpy.abs(outputs[0]).max() > 0.1
    numpy.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)


def test_the_layer_with_converted_weights_has_the_grus():
    given = jobs.jobs(tiny("training"), TOKENS, 7)
    model = contestants_mxnet._model(given["rnn.GRU, this package's loop"])
    model(np.zeros((1, 1), dtype="int32"), model.begin_state(1, ctx=mx.cpu()))
    found = [param.asnumpy() for param in models.reset_after_params(model)]
    # The candidate's second bias is the only parameter that the book's GRU doesn't have.
    assert not found.pop(9).any()
    books = given["the book's GRU, this package's loop"]["params"]
    for value, expected in zip(found, books.values()):
        numpy.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("kind", ["the book's GRU", "rnn.GRU"])
def test_the_books_loop_and_this_packages_reach_the_same_losses(kind):
    found = []
    for loop in ("the book's loop", "this package's loop"):
        job = told("training", f"{kind}, {loop}", num_hiddens=5)
        run, facts = contestants_mxnet.make(job, worker.minibatches)
        assert facts["work"] == 20
        found.append([run(10), run(10), run(3)])
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert found[0][1] < found[0][0]
