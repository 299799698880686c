"""Perplexity and bits per character, beside float64 sums over the model's probabilities."""

import math

import mxnet as mx
import numpy
import pytest
from reference import MODELS, loader
from toy_texts import SMALL, toy_text, write_toy

import gluon_gru as d2l
from gluon_gru import own_texts
from gluon_gru.errors import InputError
from gluon_gru.own_texts import scoring
from gluon_gru.runs.restore import restore


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a run on characters."""
    folder = tmp_path_factory.mktemp("characters")
    own_texts.train(write_toy(folder), folder / "run", **SMALL)
    return folder / "run"


def nats(model, tokens):
    """Return the losses of a row of tokens, read from zeros by MXNet, summed up in float64."""
    X = mx.np.array(tokens[None, :-1], dtype="int32")
    logits = model(X, model.begin_state(batch_size=1, ctx=mx.cpu()))[0].asnumpy().astype("float64")
    logits -= logits.max(axis=1, keepdims=True)
    chances = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    return -numpy.log(chances[numpy.arange(len(chances)), tokens[1:]])


def as_rows(model, tokens, rows):
    """Return the mean loss over rows side by side, and what they leave over."""
    length = (len(tokens) - 1) // rows
    cuts = [tokens[i * length : (i + 1) * length + 1] for i in range(rows)]
    cuts.append(tokens[rows * length :])
    return numpy.concatenate([nats(model, cut) for cut in cuts if len(cut) > 1]).mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine, num_sentences, rows",
    [("", 1, 1), ("", 60, 1), ("", 190, 2), ("", 500, 5), ("off", 1, 1), ("off", 190, 2)],
)
def test_scores_are_those_of_the_models_probabilities(
    tmp_path, monkeypatch, run, engine, num_sentences, rows
):
    path, text = write_toy(tmp_path, num_sentences, 5), toy_text(num_sentences, 5)
    model, vocab = restore(run)
    tokens = numpy.array(vocab[list(text)])
    assert max(1, (len(tokens) - 1) // 2000) == rows
    expected = as_rows(model, tokens, rows)
    monkeypatch.setenv("GLUON_GRU_ENGINE", engine)
    found = own_texts.evaluate(run, path)
    assert found.perplexity == pytest.approx(math.exp(expected), rel=1e-5)
    assert found.bits_per_character == pytest.approx(expected / math.log(2), rel=1e-5)
    assert found.num_tokens == found.num_characters == len(text) - 1 and found.num_unknown == 0


@pytest.mark.parametrize("window", [1, 7, 100, 10**6])
def test_in_windows_each_is_read_from_zeros(tmp_path, run, window):
    text = toy_text(12, 5)
    path = tmp_path / "text.txt"
    path.write_text(text)
    model, vocab = restore(run)
    tokens = numpy.array(vocab[list(text)])
    # More than are read side by side.
    assert window > 1 or len(tokens) > 33
    starts = range(0, len(tokens) - 1, window)
    losses = [nats(model, tokens[start : start + window + 1]) for start in starts]
    found = own_texts.evaluate(run, path, window=window)
    assert found.num_tokens == len(tokens) - 1 == sum(map(len, losses))
    assert math.log(found.perplexity) == pytest.approx(numpy.concatenate(losses).mean(), rel=1e-5)


@pytest.mark.parametrize("window", [0, -64, 1.5, True])
def test_a_window_that_is_none_is_refused(tmp_path, run, window):
    with pytest.raises(InputError, match="window is"):
        own_texts.evaluate(run, write_toy(tmp_path), window=window)


def test_unknown_tokens_are_scored_as_such_and_counted(tmp_path, run):
    path = tmp_path / "text.txt"
    path.write_text("The cat%% sees the tree.\n")
    model, vocab = restore(run)
    found = own_texts.evaluate(run, path)
    assert found.num_unknown == 2
    tokens = numpy.array(vocab[list("The cat%% sees the tree.\n")])
    assert found.perplexity == pytest.approx(math.exp(nats(model, tokens).mean()), rel=1e-5)


def test_words_count_the_characters_they_have(tmp_path):
    path = write_toy(tmp_path, 300)
    own_texts.train(path, tmp_path / "run", tokens="words", **SMALL)
    other = write_toy(tmp_path, 40, 9)
    found, text = own_texts.evaluate(tmp_path / "run", other), toy_text(40, 9)
    first = text.split()[0]
    assert found.num_characters == len(text) - len(first)
    assert found.bits_per_character == pytest.approx(
        math.log2(found.perplexity) * found.num_tokens / found.num_characters
    )


@pytest.mark.parametrize("name", ["scratch GRU", "GRU"])
def test_the_chapters_models_are_scored_on_normalised_text(tmp_path, name):
    d2l.set_seed(0)
    train_iter = loader()
    vocab, path = train_iter.vocab, tmp_path / "model.safetensors"
    model = MODELS[name](len(vocab))
    d2l.train(model, train_iter, vocab, 1, 2, mx.cpu(), checkpoint=path)
    known = "".join(token for token in vocab.idx_to_token[1:] if token.isalpha())
    text = tmp_path / "text.txt"
    text.write_text(f"{known.upper()}\n{known[::-1]}\n")
    found = own_texts.evaluate(path, text)
    expected = nats(model, numpy.array(vocab[list(known + known[::-1])])).mean()
    assert found.perplexity == pytest.approx(math.exp(expected), rel=1e-4)


def test_a_model_that_reads_what_it_is_to_predict_is_refused(tmp_path):
    train_iter, path = loader(), tmp_path / "model.safetensors"
    model = MODELS["bidirectional LSTM"](len(train_iter.vocab))
    d2l.train(model, train_iter, train_iter.vocab, 1, 1, mx.cpu(), checkpoint=path)
    with pytest.raises(InputError, match="reads in both directions"):
        own_texts.evaluate(path, write_toy(tmp_path))


def test_a_text_in_another_script_is_refused(tmp_path, run):
    path = tmp_path / "text.txt"
    path.write_text("吾輩は猫である。", encoding="utf-8")
    with pytest.raises(InputError, match="8 tokens, of which 8 are not in the model's vocabulary"):
        own_texts.evaluate(run, path)
    path.write_text("a")
    with pytest.raises(InputError, match="has 1 tokens: give one of two"):
        own_texts.evaluate(run, path)


def test_rows_cover_every_token_once():
    """Count what is asked for by letting each token's loss be what it is."""
    for num_tokens in (2, 65, 2001, 4003, 100_000):
        tokens, seen = numpy.arange(num_tokens), []

        def losses(X, Y, from_zeros, seen=seen):
            assert (Y == X + 1).all()
            seen.extend(Y.ravel().tolist())
            return Y.mean()

        mean = scoring.mean_loss(losses, tokens)
        assert sorted(seen) == list(range(1, num_tokens))
        assert mean == pytest.approx(numpy.arange(1, num_tokens).mean())
