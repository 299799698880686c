"""What is measured, what is wanted of it, and what the contestants are told."""

import collections

import numpy
import pytest

from benchmarks import catalogue, jobs, weights
from benchmarks.catalogue import LIMIT, PEERS
from gluon_gru.cells import CELLS


def contests(*measures):
    return [one for measure in measures for one in catalogue.contests(measure)]


def test_a_token_of_the_chapters_gru_takes_a_million_operations():
    (chapter,) = catalogue.contests("training")
    assert jobs.operations(chapter, 28) == 6 * (3 * 65536 + 256 * 28) == 1222656
    lstm, rnn = catalogue.contests("cells")
    assert jobs.operations(lstm, 28) == 6 * (4 * 65536 + 256 * 28)
    assert jobs.operations(rnn, 28) == 6 * (65536 + 256 * 28)


def test_further_layers_words_and_scoring_count_too():
    lstm = catalogue.contests("words")[0]
    forward = 2 * (3 * 4 * 650**2 + 650 * 10000)
    # The words are the contest's own, whatever the text has.
    assert jobs.operations(lstm, 28) == 3 * forward
    assert jobs.operations(lstm._replace(task="scoring"), 28) == forward


def test_the_first_contestant_is_the_engine_and_meets_peers_and_those_that_compute_the_same():
    for one in contests(*catalogue.MEASURES):
        first, *others = one.contestants
        assert first.kind == "engine"
        assert others and any(other.is_peer for other in others) or one.measure == "threads"
        assert {entry.cell for entry in one.contestants} <= set(CELLS)
        names = [entry.name for entry in one.contestants]
        assert len(set(names)) == len(names)
        assert {goal.over for goal in one.goals} <= {LIMIT, PEERS, *names} and one.goals
        alike = collections.Counter(jobs.agreeing(one, entry) for entry in one.contestants)
        held = alike[jobs.agreeing(one, first)] > 1
        # Each drops other units.
        assert held or one.dropout


@pytest.mark.parametrize("measure", catalogue.MEASURES)
def test_no_shape_is_measured_twice(measure):
    shapes = [one[:9] for one in catalogue.contests(measure)]
    assert len(set(shapes)) == len(shapes)


def test_the_goals_are_those_of_their_shapes():
    def wanted(one, over):
        return next((goal.least for goal in one.goals if goal.over == over), None)

    chapter = {one.cell: wanted(one, LIMIT) for one in contests("training", "cells")}
    assert chapter == {"gru": 0.87, "lstm": 0.87, "rnn": 0.80}
    assert {wanted(one, LIMIT) for one in contests("shapes", "layers", "words")} == {0.85}
    assert {wanted(one, LIMIT) for one in contests("scoring")} == {0.80}
    compared = contests("training", "cells", "shapes", "layers", "words", "scoring", "small")
    assert {wanted(one, PEERS) for one in compared} == {1}
    assert not any(one.is_limited for one in contests("small", "writing", "block", "threads"))
    assert {wanted(one, "engine, 1 thread") for one in contests("threads")} == {1.85}
    (block,) = contests("block")
    assert wanted(block, "PyTorch nn.GRU") == 1.7
    written = contests("writing")
    assert {wanted(one, f"PyTorch nn.{one.cell.upper()}Cell") for one in written} == {5}


def test_shapes_reach_from_the_least_to_the_most():
    def ends(name):
        sizes = [getattr(one, name) for one in contests("shapes") if one.cell == "gru"]
        return min(sizes), max(sizes)

    assert ends("num_hiddens") == (128, 1024)
    assert ends("batch_size") == (16, 1024) and ends("num_steps") == (8, 256)
    layers = {(one.cell, *one[3:5], one.dropout) for one in contests("layers")}
    assert len(layers) == 16 and ("lstm", 512, 3, 0.3) in layers
    assert {one.num_hiddens for one in contests("small")} == {8, 64}
    assert {one.batch_size for one in contests("small")} == {1, 4, 8}
    words = [(one.cell, *one[3:5], one.vocab_size) for one in contests("words")]
    assert words == [("lstm", 650, 2, 10000), ("gru", 512, 2, 5000), ("gru", 256, 1, 30000)]


def test_what_compiles_for_minutes_is_measured_only_where_it_is_named():
    compiled = {
        one.measure
        for one in contests(*catalogue.MEASURES)
        for entry in one.contestants
        if "compile" in entry.options
    }
    assert compiled == {"compiled"} and "compiled" not in catalogue.DEFAULT
    assert set(catalogue.DEFAULT) == set(catalogue.MEASURES) - compiled


def test_words_are_the_same_every_time_and_as_frequent_as_zipf_has_them():
    words = jobs.draw_words(1000)
    numpy.testing.assert_array_equal(words, jobs.draw_words(1000))
    assert words.dtype == numpy.int32 and words.min() == 0 and words.max() < 1000
    counts = numpy.bincount(words, minlength=1000)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.2)
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.1)


def test_weights_over_an_embedding_are_the_same_function_as_their_product():
    drawn = weights.draw("lstm", 50, 6, 2, 0.5, embedding=True)
    plain = weights.without_embedding(drawn)
    assert "embedding.weight" not in plain
    for token in (0, 49):
        numpy.testing.assert_allclose(
            plain["rnn.l0_i2h_weight"][:, token],
            drawn["rnn.l0_i2h_weight"] @ drawn["embedding.weight"][token],
            rtol=1e-5,
        )
    # As much as drawn without an embedding.
    assert plain["rnn.l0_i2h_weight"].std() == pytest.approx(0.5, rel=0.3)
    assert weights.without_embedding(plain) is plain


def test_every_contestant_is_told_its_own_batch_and_weights():
    tokens = numpy.arange(60, dtype=numpy.int32) % 7
    small = next(one for one in contests("small") if one.batch_size == 4)
    told = jobs.jobs(small, tokens, 7)
    assert told["engine"]["batch_size"] == 4 and told["engine, 1 sequence"]["batch_size"] == 1
    assert told["engine"]["prefix"] == tokens[:14].tolist() and told["engine"]["vocab_size"] == 7
    assert "params.00" in told["engine"]["params"]
    assert "rnn.l0_h2h_bias" in told["PyTorch nn.GRU"]["params"]
    # The book's equations have one bias.
    assert "rnn.l0_h2h_bias" not in told["JAX lax.scan"]["params"]
    words = catalogue.contests("words")[1]._replace(num_hiddens=4, vocab_size=30)
    told = jobs.jobs(words, tokens, 7)
    assert told["engine"]["vocab_size"] == 30 and told["engine"]["tokens"].max() > 7
    assert "embedding.weight" in told["PyTorch nn.GRU"]["params"]
    assert "embedding.weight" not in told["engine"]["params"]
