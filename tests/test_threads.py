"""The package's calls in other threads than the main one, several at once, as servers make them."""

import pathlib
import random
import sys
import threading

import pytest
from marks import slow_but
from toy_texts import SMALL, write_toy

import gluon_gru as d2l

#: Threads at once.
COUNT = 3


def in_threads(work, *args):
    """Call ``work(i, *args)`` in a thread for each i, all at once; return the results."""
    results, barrier = {}, threading.Barrier(COUNT)

    def run(i):
        barrier.wait()
        results[i] = work(i, *args)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One that raised has no result; pytest shows what it raised.
    return [results[i] for i in range(COUNT)]


def own_text(i, folder):
    """Train, generate and evaluate; return what has to be the same whoever does it."""
    run = folder / f"run-{i}"
    rounds = d2l.own_texts.train(folder / "toy.txt", run, **{**SMALL, "epochs": 0.2})["rounds"]
    return (
        [done["validation_perplexity"] for done in rounds],
        "".join(d2l.own_texts.generate(run, "The", 30, seed=1)),
        d2l.own_texts.evaluate(run, folder / "short.txt"),
        (run / "curve.png").read_bytes(),
    )


def books_models(i, folder):
    """Train the book's models and look into them; return what has to be the same whoever does it."""
    import numpy
    import reference
    from mxnet import np
    from mxnet.gluon import rnn

    from gluon_gru.models import fused
    from gluon_gru.runs.restore import restore

    train_iter = reference.loader(rng=random.Random(0))
    vocab, ctx, found = train_iter.vocab, d2l.try_gpu(), []
    for number, forward_fn in enumerate((d2l.gru, fused.gru)):
        path = folder / f"{i}-{number}.safetensors"
        model = d2l.RNNModelScratch(
            len(vocab), 8, ctx, d2l.get_gru_params, d2l.init_gru_state, forward_fn
        )
        numbers = numpy.random.RandomState(0)
        for param in model.params:
            param[:] = np.array(numbers.normal(scale=0.1, size=param.shape))
        found.append(d2l.train_ch8(model, train_iter, vocab, 1, 3, ctx, checkpoint=path).perplexity)
        model, vocab = restore(path)[:2]
        found.append(d2l.predict_ch8("abc", 9, model, vocab, ctx))
        found.append(d2l.gates.inspect(model, vocab, "abcdef").update.tolist())
    # A Gluon model starts from MXNet's random numbers, which all threads share.
    for kind in (rnn, fused):
        model = d2l.RNNModel(kind.GRU(8), len(vocab))
        history = d2l.train_ch8(model, train_iter, vocab, 1, 2, ctx, True)
        found.append([round(ppl) for ppl in history.perplexity])
        found.append(float(np.ones(3).mean()))
    return found


def assert_alike(work, folder):
    write_toy(folder, 30)
    (folder / "short.txt").write_text("The cat sees a tree.\n")
    found = in_threads(work, folder)
    assert found == [work(COUNT, folder)] * COUNT


@pytest.mark.parametrize("engine", slow_but([""], ["", "off"]))
def test_several_threads_train_and_generate_what_the_main_thread_does(
    tmp_path, monkeypatch, engine
):
    monkeypatch.setenv("GLUON_GRU_ENGINE", engine)
    assert_alike(own_text, tmp_path)


@pytest.mark.slow
def test_several_threads_train_the_books_models_as_the_main_thread_does(tmp_path):
    assert_alike(books_models, tmp_path)


FIRST = """
import pathlib, sys
import test_threads
assert "mxnet" not in sys.modules
for work in test_threads.books_models, test_threads.own_text:
    test_threads.assert_alike(work, pathlib.Path(sys.argv[1]))
print("done")
"""


@pytest.mark.slow
def test_mxnet_can_be_imported_by_several_threads_at_once(run_python, tmp_path):
    done = run_python(
        f"import sys; sys.argv.append({str(tmp_path)!r})" + FIRST,
        path=[pathlib.Path(__file__).parent, *sys.path],
    )
    assert done.stdout.splitlines()[-1:] == ["done"], done.stderr


def test_a_thread_has_the_mode_that_it_chooses_and_leaves_the_others_theirs():
    from mxnet import nd, np, npx
    from mxnet.gluon import nn

    switched, done, seen = threading.Event(), threading.Event(), {}

    def old():
        npx.reset_np()
        switched.set()
        dense = nn.Dense(2)
        dense.initialize()
        seen["old"] = type(dense(nd.ones((3, 4))))
        done.wait(60)
        seen["still old"] = npx.is_np_array() or npx.is_np_shape()

    def new():
        switched.wait(60)
        dense = nn.Dense(2)
        dense.initialize()
        seen["new"] = type(dense(np.ones((3, 4))))
        seen["scalar"] = np.ones(3).mean().shape
        done.set()

    threads = [threading.Thread(target=work) for work in (old, new)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"old": nd.NDArray, "still old": False, "new": np.ndarray, "scalar": ()}
    assert npx.is_np_array() and npx.is_np_shape()
