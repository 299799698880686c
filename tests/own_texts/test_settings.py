"""Settings refuse what can't be, and follow from the text where they aren't given."""

import dataclasses
import math

import numpy
import pytest

from gluon_gru.cells import OPTIONS
from gluon_gru.errors import InputError
from gluon_gru.own_texts.settings import (
    CELLS,
    MAX_VALIDATION,
    Settings,
    checked,
    default,
    filled,
    num_operations,
    num_validation,
)
from gluon_gru.text.minibatches import shortest_corpus


@pytest.mark.parametrize(
    "name, value",
    [
        ("cell", "grus"),
        ("tokens", "char"),
        ("case", "lower"),
        ("optimizer", "adamw"),
        ("sampling", "shuffled"),
        ("num_hiddens", 0),
        ("num_layers", 1.5),
        ("batch_size", -1),
        ("num_steps", "8"),
        ("patience", 0),
        ("lr", 0),
        ("lr", math.nan),
        ("epochs", -1),
        ("epochs", math.inf),
        ("epochs", 1e308),
        ("decay", 0),
        ("decay", 1.1),
        ("dropout", 1),
        ("dropout", -0.1),
        ("dropout", math.nan),
        ("validation", 0),
        ("validation", 0.6),
        ("seed", -1),
        ("seed", 2**31),
        ("seed", 1.0),
    ],
)
def test_a_value_that_cant_be_is_named(name, value):
    with pytest.raises(InputError) as error:
        checked({name: value})
    assert str(error.value).startswith(f"{name} is {value!r}: ")


def test_what_is_no_setting_is_named_beside_those_that_are():
    with pytest.raises(InputError, match="num_hidens is no setting: there are tokens, case, "):
        checked({"num_hidens": 9, "seed": 1})


def test_a_model_has_the_cell_of_other_libraries_unless_asked_otherwise():
    cells = [filled(given, 10_000, 50).cell for given in ({}, {"cell": "gru"})]
    assert [bool(OPTIONS[cell].torch) for cell in cells] == [True, False]


def test_dropout_without_layers_to_be_between_is_refused():
    with pytest.raises(InputError, match="dropout is 0.5, but acts between layers"):
        filled({"dropout": 0.5, "num_layers": 1}, 10_000, 50)
    assert filled({"num_layers": 2}, 10_000, 50).dropout > 0
    assert filled({"dropout": 0.5}, 10**8, 50).dropout == 0.5


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_tokens", [100, 10**3, 10**4, 10**5, 10**6, 10**7, 10**8])
def test_defaults_fit_texts_of_any_size(num_tokens, cell):
    found = filled({"cell": cell}, num_tokens, 100)
    assert num_tokens >= shortest_corpus(found.batch_size, found.num_steps)
    # On 100 GFLOP/s, at most an hour and a half.
    assert num_operations(found, 100) * num_tokens * found.epochs < 1.1 * 90 * 60 * 100e9


def test_what_is_given_stays_and_larger_texts_get_larger_models():
    given = {"num_hiddens": 7, "lr": 0.5, "epochs": 1000, "optimizer": "sgd", "seed": 4}
    found = filled(given, 10**6, 100)
    assert {name: getattr(found, name) for name in given} == given
    sizes = [filled({}, 10**i, 100) for i in range(3, 9)]
    widths = [size.num_hiddens * size.num_layers for size in sizes]
    assert widths == sorted(widths) and len(set(widths)) > 3
    assert filled({"optimizer": "sgd"}, 10**5, 100).lr == 1


def test_a_text_too_short_for_a_minibatch_is_refused_with_the_numbers():
    with pytest.raises(InputError, match="80 characters are left .* takes 81"):
        filled({}, 80, 10)
    assert filled({}, 81, 10).batch_size == 4


def test_the_held_out_part_is_a_share_within_bounds():
    assert num_validation(1000, 0.1) == 100
    assert num_validation(10**8, 0.1) == MAX_VALIDATION
    assert num_validation(5, 0.1) == 2


def test_operations_are_those_of_the_matrix_products():
    found = filled({"cell": "gru", "num_hiddens": 256, "num_layers": 1}, 10**5, 28)
    assert num_operations(found, 28) == pytest.approx(1.22e6, rel=0.01)


def test_numpys_numbers_become_pythons():
    found = filled({"num_hiddens": numpy.int64(8), "lr": numpy.float32(0.5)}, 10_000, 50)
    assert (type(found.num_hiddens), type(found.lr)) == (int, float)


def test_more_weights_than_an_array_can_have_are_refused():
    with pytest.raises(InputError, match="num_hiddens is 100000000, .* ask for fewer"):
        filled({"num_hiddens": 10**8}, 10_000, 50)
    with pytest.raises(InputError, match="num_layers 99999"):
        filled({"num_layers": 99999}, 10_000, 50)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_help_says_what_the_defaults_are(name):
    given = [
        getattr(filled({}, num_tokens, 50), name) for num_tokens in (2_000, 20_000, 10**6, 10**8)
    ]
    shown = default(name).replace(" or ", " to ").split(" to ")
    if isinstance(given[0], str):
        assert set(shown) == set(given)
    else:
        # Epochs may be fewer, as the time that they take allows.
        assert name == "epochs" or float(shown[0]) <= min(given)
        assert max(given) <= float(shown[-1])
