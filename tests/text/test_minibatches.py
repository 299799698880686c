"""Minibatches, by hand and against a straightforward way to cut them."""

import random
import types

import hypothesis
import numpy
import pytest
from hypothesis import strategies as st
from mxnet import np

import gluon_gru
from gluon_gru import InputError, Vocab
from gluon_gru.text import minibatches

ITERATORS = {
    "random": gluon_gru.seq_data_iter_random,
    "sequential": gluon_gru.seq_data_iter_sequential,
}
SIZES = {
    "batch_size": st.integers(1, 5),
    "num_steps": st.integers(1, 6),
    "extra": st.integers(0, 40),
    "seed": st.integers(0, 99),
}
both_ways = pytest.mark.parametrize("way", ["random", "sequential"])


def at(offset):
    """Return what draws this offset, and leaves the sequences in their order."""
    return types.SimpleNamespace(randint=lambda a, b: offset, shuffle=lambda x: None)


def cut(way, tokens, batch_size, num_steps, rng):
    """Do what the iterators do, with lists, a sequence at a time."""
    rest = tokens[rng.randint(0, num_steps) :]
    if way == "random":
        starts = list(range(0, len(rest) - num_steps, num_steps))
        rng.shuffle(starts)
        batches = [starts[i : i + batch_size] for i in range(0, len(starts), batch_size)]
    else:
        row = (len(rest) - 1) // batch_size
        batches = [
            [start + i * row for i in range(batch_size)]
            for start in range(0, row - num_steps + 1, num_steps)
        ]
    return [
        tuple([rest[i + later : i + later + num_steps] for i in batch] for later in (0, 1))
        for batch in batches
        if len(batch) == batch_size
    ]


def epoch(iterator):
    return [(X.tolist(), Y.tolist()) for X, Y in iterator]


@pytest.mark.parametrize(
    ("way", "steps", "offset", "expected"),
    [
        ("sequential", 5, 0, [([0, 14], 5), ([5, 19], 5)]),
        ("sequential", 5, 4, [([4, 16], 5), ([9, 21], 5)]),
        ("sequential", 6, 6, [([6, 17], 6)]),
        ("random", 5, 0, [([0, 5], 5), ([10, 15], 5)]),
        ("random", 5, 4, [([4, 9], 5), ([14, 19], 5)]),
        ("random", 6, 5, [([5, 11], 6), ([17, 23], 6)]),
        ("random", 6, 6, [([6, 12], 6)]),
    ],
)
def test_minibatches_of_two_from_thirty_tokens_by_hand(way, steps, offset, expected):
    found = epoch(ITERATORS[way](numpy.arange(30), 2, steps, at(offset)))
    assert found == [
        ([list(range(i, i + n)) for i in starts], [list(range(i + 1, i + 1 + n)) for i in starts])
        for starts, n in expected
    ]


@both_ways
@pytest.mark.campaign
@hypothesis.given(**SIZES)
def test_minibatches_are_those_of_lists_cut_the_simple_way(way, batch_size, num_steps, extra, seed):
    length = minibatches.shortest_corpus(batch_size, num_steps) + extra
    tokens = random.Random(seed + 1).choices(range(28), k=length)
    found = ITERATORS[way](numpy.array(tokens, "uint8"), batch_size, num_steps, random.Random(seed))
    assert epoch(found) == cut(way, tokens, batch_size, num_steps, random.Random(seed))


@both_ways
@pytest.mark.campaign
@hypothesis.given(**SIZES)
def test_an_epoch_covers_the_text_once_and_y_is_x_one_token_later(
    way, batch_size, num_steps, extra, seed
):
    length = minibatches.shortest_corpus(batch_size, num_steps) + extra
    found = list(ITERATORS[way](numpy.arange(length), batch_size, num_steps, random.Random(seed)))
    assert {X.shape for X, _ in found} == {(batch_size, num_steps)}
    X, Y = (numpy.array([half.asnumpy() for half in halves]) for halves in zip(*found))
    assert (Y == X + 1).all()
    assert (numpy.diff(X, axis=2) == 1).all()
    if way == "sequential":
        assert (X[1:, :, 0] == X[:-1, :, -1] + 1).all()
        assert 0 <= X.min() <= num_steps
    used = X.ravel().tolist()
    assert len(set(used)) == len(used)
    # What a minibatch more would take, and the offset, may be left out.
    assert length - len(used) <= num_steps + batch_size * num_steps + batch_size


def test_every_offset_from_zero_to_num_steps_occurs():
    iterators = (
        ITERATORS["sequential"](range(20), 1, 3, random.Random(seed)) for seed in range(99)
    )
    assert {int(next(iterator)[0][0, 0]) for iterator in iterators} == {0, 1, 2, 3}


@both_ways
def test_minibatches_are_mxnet_integers_and_drawn_with_the_module_random_by_default(way):
    random.seed(5)
    found = list(ITERATORS[way](list(range(50)), 2, 5))
    assert all(
        type(half) is np.ndarray and half.dtype == numpy.int32
        for minibatch in found
        for half in minibatch
    )
    assert epoch(found) == cut(way, list(range(50)), 2, 5, random.Random(5))


@both_ways
@pytest.mark.parametrize("offset", range(6))
def test_the_shortest_text_gives_a_minibatch_at_any_offset_and_one_token_less_is_an_error(
    way, offset
):
    tokens = list(range(minibatches.shortest_corpus(3, 5)))
    assert len(tokens) == 21
    assert epoch(ITERATORS[way](tokens, 3, 5, at(offset)))
    with pytest.raises(InputError, match="text of 20 tokens is too short: .* takes 21; give"):
        list(ITERATORS[way](tokens[1:], 3, 5, at(offset)))


@both_ways
@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((0, 5), "batch_size is 0"),
        ((2, -1), "num_steps is -1"),
        ((2.0, 5), "batch_size is 2.0"),
        ((2, "5"), "num_steps is '5'"),
    ],
)
def test_sizes_that_make_no_sense_are_errors_that_name_them(way, sizes, message):
    with pytest.raises(InputError, match=f"{message}: it must be a whole number above 0"):
        list(ITERATORS[way](list(range(50)), *sizes))
    with pytest.raises(InputError, match=message):
        gluon_gru.SeqDataLoader(*sizes, source=(list(range(50)), Vocab()))


@both_ways
def test_a_loader_cuts_its_tokens_anew_in_every_epoch(way):
    tokens, vocab = list(range(99)), Vocab("abc")
    loader = gluon_gru.SeqDataLoader(
        2, 5, way == "random", 60, source=(tokens, vocab), rng=random.Random(7)
    )
    assert (len(loader.corpus), loader.vocab) == (60, vocab)
    first, second, rng = epoch(loader), epoch(loader), random.Random(7)
    assert first == cut(way, tokens[:60], 2, 5, rng)
    assert second == cut(way, tokens[:60], 2, 5, rng)
    assert first != second


@both_ways
@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({}, 10000),
        ({"max_tokens": 700}, 700),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 0}, None),
    ],
)
def test_the_books_loader_cuts_the_corpus_ten_thousand_tokens_unless_asked_for_another_number(
    sample_corpus, way, options, length
):
    tokens, vocab = gluon_gru.load_corpus_time_machine()
    random.seed(3)
    train_iter, same = gluon_gru.load_data_time_machine(4, 10, way == "random", **options)
    assert same.idx_to_token == vocab.idx_to_token
    assert epoch(train_iter) == cut(way, tokens[:length].tolist(), 4, 10, random.Random(3))


def pairs(loader):
    """Start an epoch; return its sequences, one by one."""
    return [(x.tolist(), y.tolist()) for X, Y in loader.in_numpy() for x, y in zip(X, Y)]


def test_windows_in_order_are_those_of_a_plain_loop():
    tokens = list(range(40))
    expected = []
    for i in range(20, 33):
        window = tokens[i : i + 8]
        expected.append((window[:-1], window[1:]))
    loader = minibatches.WindowLoader(numpy.array(tokens), 7, 5, 20, 13)
    assert pairs(loader) == expected == pairs(loader)
    assert [X.shape for X, _ in loader] == [(5, 7), (5, 7), (3, 7)]
    assert all(X.dtype == Y.dtype == numpy.int32 for X, Y in loader)


def test_shuffled_windows_are_the_same_ones_in_another_order_every_epoch():
    tokens = numpy.arange(200)
    ordered = pairs(minibatches.WindowLoader(tokens, 6, 16, 0, 100))
    loader = minibatches.WindowLoader(tokens, 6, 16, 0, 100, numpy.random.RandomState(1))
    first, second = pairs(loader), pairs(loader)
    assert sorted(first) == sorted(second) == sorted(ordered)
    assert first != ordered and first != second
    again = minibatches.WindowLoader(tokens, 6, 16, 0, 100, numpy.random.RandomState(1))
    assert pairs(again) == first


def test_the_shortest_text_has_all_windows_and_a_shorter_one_is_refused():
    assert pairs(minibatches.WindowLoader(numpy.arange(18), 7, 5, 6, 5))[-1][1][-1] == 17
    with pytest.raises(InputError, match="17 tokens is too short.*num_steps 7 take 18"):
        minibatches.WindowLoader(numpy.arange(17), 7, 5, 6, 5)


def test_loaders_give_numpy_and_mxnet_the_same():
    tokens = list(range(60))
    for make in (
        lambda: gluon_gru.SeqDataLoader(2, 5, True, source=(tokens, None), rng=random.Random(1)),
        lambda: minibatches.WindowLoader(tokens, 5, 8, 3, 20, numpy.random.RandomState(1)),
    ):
        assert epoch(make()) == epoch(make().in_numpy())
        assert all(half.dtype == numpy.int32 for both in make() for half in both)


@pytest.mark.campaign
@hypothesis.given(st.integers(2, 60), st.integers(1, 9), st.integers(1, 7))
def test_rows_stand_side_by_side_and_columns_take_them_apart(length, num_rows, num_steps):
    hypothesis.assume(length > num_rows)
    tokens = numpy.arange(length, dtype="uint8")
    X, Y = minibatches.rows(tokens, num_rows)
    row = (length - 1) // num_rows
    assert X.tolist() == [list(range(i * row, (i + 1) * row)) for i in range(num_rows)]
    assert (Y == X + 1).all() and numpy.shares_memory(X, tokens)
    columns = list(minibatches.columns(X, Y, num_steps))
    assert [x.shape[1] for x, _ in columns[:-1]] == [num_steps] * (len(columns) - 1)
    assert 1 <= columns[-1][0].shape[1] <= num_steps
    for half, whole in zip(zip(*columns), (X, Y)):
        assert (numpy.concatenate(half, axis=1) == whole).all()
