"""Environment variables that would end the process are taken away before a library reads them."""

import os
import warnings

import campaign
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon_gru import variables


def made_safe(**given):
    """Return the variables of MXNet and OpenMP that are left, and what was warned of."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for name in [name for name in os.environ if name.startswith(("MXNET_", "OMP_"))]:
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        variables.make_safe()
        left = {name: os.environ[name] for name in given if name in os.environ}
    return left, [str(warning.message) for warning in warned]


@pytest.mark.parametrize(
    "value, left",
    [("2", "2"), (" 2 ", "2"), ("+2", "2"), ("2,1", "2"), ("4, 2 ,1", "4"), ("1024", "1024")],
)
def test_a_number_of_threads_is_left_as_every_library_reads_it(value, left):
    assert made_safe(OMP_NUM_THREADS=value) == ({"OMP_NUM_THREADS": left}, [])


NONSENSE = ["two", "0", "-1", "1.5", "0x2", "²", ",", "2,", "2,x", "100000", "9" * 20, "1e3"]


@pytest.mark.parametrize("value", NONSENSE)
def test_nonsense_is_unset_and_named_with_the_way_out(value):
    left, (warned,) = made_safe(OMP_NUM_THREADS=value)
    assert left == {} and f"OMP_NUM_THREADS is {value!r}" in warned and "unset it" in warned


def test_empty_is_unset_without_a_word():
    assert made_safe(OMP_NUM_THREADS="", MXNET_ENGINE_TYPE=" ") == ({}, [])


def test_what_mxnet_reads_as_a_text_or_later_stays():
    given = {"MXNET_ENGINE_TYPE": "NaiveEngine", "MXNET_HOME": "/a b", "OMP_PROC_BIND": "close"}
    assert made_safe(**given) == (given, [])


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("MXNET_CPU_WORKER_NTHREADS", "2", "0"),
        ("MXNET_OMP_MAX_THREADS", "0", "-1"),
        ("MXNET_MKLDNN_ENABLED", "1", "off"),
        ("MXNET_TUNING_WEIGHT_SCALE", "0.5", "half"),
    ],
)
def test_each_variable_has_its_range(name, good, bad):
    assert made_safe(**{name: good}) == ({name: good}, [])
    left, warned = made_safe(**{name: bad})
    assert left == {} and len(warned) == 1


def test_words_for_yes_and_no_are_numbers_that_mxnet_knows():
    left, warned = made_safe(MXNET_MKLDNN_ENABLED="False", MXNET_OUTPUT_TUNING_DATA="true")
    assert left == {"MXNET_MKLDNN_ENABLED": "0", "MXNET_OUTPUT_TUNING_DATA": "1"} and not warned


@pytest.mark.campaign
@settings(max_examples=campaign.times(100))
@given(st.text("0123456789,.-+ xe²٣\t", max_size=8))
def test_whatever_it_is_a_number_of_threads_or_nothing_is_left(value):
    left, warned = made_safe(OMP_NUM_THREADS=value)
    assert bool(left) + bool(warned) == bool(value.strip())
    if left:
        assert left["OMP_NUM_THREADS"].isascii() and 1 <= int(left["OMP_NUM_THREADS"]) <= 1024


@pytest.mark.slow
def test_mxnet_and_the_engine_load_and_compute_with_all_of_them(run_python):
    bad = sorted(set(variables._READ) - {"OMP_NUM_THREADS"})
    env = {**dict.fromkeys(bad, "nonsense"), "OMP_NUM_THREADS": "2,1"}
    code = (
        "import gluon_gru, os\n"
        "from mxnet import np\n"
        "from mxnet.gluon import rnn\n"
        "from gluon_gru.models import fused\n"
        "for kind in (fused, rnn):\n"
        "    layer = kind.GRU(8)\n"
        "    layer.initialize()\n"
        "    print(layer(np.ones((3, 2, 5))).asnumpy().shape)\n"
        "print(gluon_gru.engine.info().get('threads', 2), os.environ['OMP_NUM_THREADS'])"
    )
    done = run_python(code, env=env)
    assert done.stdout.splitlines() == ["(3, 2, 8)"] * 2 + ["2 2"], done.stderr
    assert done.stderr.count("RuntimeWarning: gluon_gru: ") == len(bad)
