"""The engine as a library: special values, threads, forks, and what is said where it isn't.

What the kernels compute is in `test_kernels.py`.
"""

import concurrent.futures
import ctypes
import pathlib
import warnings

import numpy
import pytest
from engine_problem import ON_ENGINE, Problem, run_here
from mxnet import np, npx

from gluon_gru import engine
from gluon_gru.cells import CELLS
from gluon_gru.engine import native
from gluon_gru.engine.arrays import Addresses, own_minibatch, own_tokens
from gluon_gru.errors import InputError

_FOLDER = str(pathlib.Path(native.__file__).parent)
_TESTS = str(pathlib.Path(__file__).parents[1] / "helpers")
_PATH = native.library_path()
_KERNELS = {
    name: kernels
    for name in ("generic", "avx2", "avx512")
    for kernels in [native.load(_PATH, name) if _PATH else None]
    if kernels
}

built = pytest.mark.skipif(_PATH is None, reason="the engine was not built")
each_instruction_set = pytest.mark.parametrize("kernels", _KERNELS.values(), ids=_KERNELS)


# ---- Functions of special values ----

_SPECIAL = numpy.concatenate(
    [
        numpy.array(
            [
                numpy.nan,
                numpy.inf,
                -numpy.inf,
                0,
                -0.0,
                1e-45,
                -1e-45,
                1e-40,
                -1e-40,
                1.2e-38,
                3e38,
                -3e38,
                0.625,
                0.6249999,
                -0.625,
                87,
                -87,
                88,
                -88,
                88.5,
                89,
                -89,
                103,
                -103,
                104,
                -104,
                119.9,
                120.1,
                -120.1,
                1e-20,
                -1e-20,
            ],
            "float32",
        ),
        numpy.linspace(-30, 30, 4001, dtype="float32"),
    ]
)


def _run_a_unit(kernels, cell, values, start=0):
    """Return a hidden unit after a step, its first gate fed with ``values``, all others zero.

    Values come in by a table of tokens: nothing is multiplied by them.
    """
    problem = Problem(cell, 1, len(values), len(values), [1], "forward", tokens=True)
    for array in problem.arrays.values():
        array[...] = 0
    problem.arrays["tokens"][0] = numpy.arange(len(values))
    problem.arrays["0.W_x0"][:, 0] = values
    problem.arrays["0.start0"][...] = start
    return run_here(kernels, problem)["outputs"].ravel()


def _assert_the_same_function(actual, expected, theirs):
    """Compare with float64 NumPy and MXNet's operator; what is 0 only here was flushed."""
    smallest = numpy.finfo("float32").tiny
    numpy.testing.assert_allclose(actual, expected, rtol=5e-7, atol=smallest)
    numpy.testing.assert_allclose(actual, theirs, rtol=1e-6, atol=smallest)
    numpy.testing.assert_array_equal(actual == 0, theirs == 0)


@each_instruction_set
def test_tanh_of_any_value(kernels):
    actual = _run_a_unit(kernels, "rnn_tanh", _SPECIAL)
    _assert_the_same_function(
        actual, numpy.tanh(_SPECIAL.astype("float64")), np.tanh(np.array(_SPECIAL)).asnumpy()
    )
    assert numpy.isnan(actual[0]) and list(actual[1:3]) == [1, -1]
    # Subnormals are themselves.
    assert list(actual[5:9]) == list(_SPECIAL[5:9])


@each_instruction_set
def test_sigmoid_of_any_value(kernels):
    # The update gate of a state of ones, with a candidate of zeros.
    actual = _run_a_unit(kernels, "gru_before", _SPECIAL, start=1)
    with numpy.errstate(over="ignore"):
        expected = 1 / (1 + numpy.exp(-_SPECIAL.astype("float64")))
    _assert_the_same_function(actual, expected, npx.sigmoid(np.array(_SPECIAL)).asnumpy())
    assert numpy.isnan(actual[0]) and list(actual[1:3]) == [1, 0]


@each_instruction_set
def test_relu_of_any_value(kernels):
    actual = _run_a_unit(kernels, "rnn_relu", _SPECIAL)
    numpy.testing.assert_array_equal(actual, numpy.maximum(_SPECIAL, 0))


@each_instruction_set
def test_probabilities_from_one_to_subnormal(kernels):
    logits = numpy.array([0, -1, -20, -80, -87, -88, -95, -103, -110, -200, -numpy.inf], "float32")
    problem = Problem("rnn_tanh", 1, 1, len(logits), [1], "train", tokens=True)
    for array in problem.arrays.values():
        array[...] = 0
    problem.arrays["b_q"][:] = logits
    problem.lr = 0
    results = run_here(kernels, problem)
    exponentials = numpy.exp(logits.astype("float64"))
    expected = exponentials / exponentials.sum()
    expected[0] -= 1
    # The smallest number above 0 is 1.4e-45.
    numpy.testing.assert_allclose(results["db_q"], expected, rtol=1e-6, atol=1.5e-45)
    assert results["db_q"][7] > 0
    numpy.testing.assert_allclose(results["loss"], numpy.log(exponentials.sum()), rtol=1e-6)


@each_instruction_set
@pytest.mark.parametrize("cell", ON_ENGINE)
def test_what_is_not_a_number_is_not_hidden(kernels, cell):
    """One input is NaN: so is whatever NumPy says depends on it, and nothing else."""
    problem = Problem(cell, 4, 3, 5, [6])
    problem.arrays["inputs"][1, 2, 0] = numpy.nan
    problem.expect()
    results = run_here(kernels, problem)
    for name in problem.written:
        numpy.testing.assert_array_equal(
            numpy.isnan(results[name]), numpy.isnan(problem.expected[name]), name
        )
    assert numpy.isnan(results["outputs"][1:, 2]).all()
    assert not numpy.isnan(results["outputs"][:, :2]).any()


@each_instruction_set
@pytest.mark.parametrize("cell", ON_ENGINE)
def test_an_infinite_input_spoils_no_more_than_it_does_in_numpy(kernels, cell):
    problem = Problem(cell, 4, 3, 5, [6])
    problem.arrays["inputs"][1, 2, 0] = numpy.inf
    with numpy.errstate(invalid="ignore"):
        problem.expect()
    results = run_here(kernels, problem)
    for name in problem.written:
        spoilt = ~numpy.isfinite(problem.as_it_lies(name, results[name]))
        assert not (spoilt & numpy.isfinite(problem.expected[name])).any(), name
    assert numpy.isfinite(results["outputs"][:, :2]).all()


@each_instruction_set
def test_a_loss_that_is_not_a_number(kernels):
    problem = Problem("gru_before", 2, 3, 5, [6], "train", tokens=True)
    problem.arrays["b_q"][2] = numpy.nan
    assert numpy.isnan(run_here(kernels, problem)["loss"])


@built
@pytest.mark.parametrize("instructions", _KERNELS)
def test_floating_point_modes_of_the_process_stay_as_they_are(run_python, instructions):
    """Subnormals survive in NumPy, in a new thread too, after loading the engine and running it."""
    code = f"""if 1:
        import concurrent.futures, sys
        import numpy
        def check():
            for x in (1e-40, 1e-44):
                assert numpy.full(64, x, "float32")[1:].dot(numpy.full(63, 0.5, "float32")) > 0
                assert (numpy.full(64, x, "float32") * numpy.float32(0.5) > 0).all()
                assert numpy.float32(x) * numpy.float32(0.5) > 0
        check()
        sys.path[:0] = [{_FOLDER!r}, {_TESTS!r}]
        import native                        # alone, without MXNet
        native.load({str(_PATH)!r}, {instructions!r})
        check()
        from engine_problem import ON_ENGINE, Problem, native, run_here
        kernels = native.load({str(_PATH)!r}, {instructions!r})
        problem = Problem("lstm", 3, 20, 5, [40], "train", tokens=True, threads=2)
        def work():
            run_here(kernels, problem)
            check()
        work()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for result in [pool.submit(work), pool.submit(check)]:
                result.result()
        print("fine")
    """
    done = run_python(code)
    assert done.stdout == "fine\n", done.stderr


# ---- Threads and processes ----

# By rows of the minibatch, and by hidden units.
_SHARED = [
    ("gru_before", 5, 40, 28, [48]),
    ("lstm", 6, 2, 28, [200]),
    ("gru_after", 6, 3, 9, [260]),
]


def _assert_same_digits(results, others):
    for name, array in results.items():
        numpy.testing.assert_array_equal(array, others[name], name)


@each_instruction_set
@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_threads_give_the_same_digits(kernels, threads):
    for shape in _SHARED:
        for task in ("backward", "train"):
            problem = Problem(*shape, task, threads=threads, tokens=True)
            first = run_here(kernels, problem)
            for _ in range(3):
                _assert_same_digits(first, run_here(kernels, problem))


@each_instruction_set
def test_calls_at_once_give_what_they_give_alone(kernels):
    problems = [
        Problem(*shape, task, threads=threads, tokens=True, seed=seed)
        for seed, shape in enumerate(_SHARED)
        for task in ("backward", "train")
        for threads in (1, 2)
    ]
    alone = [run_here(kernels, problem) for problem in problems]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for expected, actual in zip(alone, pool.map(run_here, [kernels] * 12, problems)):
                _assert_same_digits(expected, actual)


@built
def test_a_forked_process_computes_with_one_thread(run_python):
    code = f"""if 1:
        import os, sys
        sys.path[:0] = [{_TESTS!r}]
        os.environ["OMP_NUM_THREADS"] = "2"
        from engine_problem import ON_ENGINE, Problem, native, run_here
        kernels = native.load({str(_PATH)!r})
        def work():
            for cell in ON_ENGINE:
                problem = Problem(cell, 3, 40, 5, [40], "train", tokens=True,
                                  threads=native.num_threads())
                problem.check(run_here(kernels, problem))
            return native.num_threads()
        assert work() == 2
        child = os.fork()
        if not child:
            os._exit(work() == 1 and 7)
        _, status = os.waitpid(child, 0)
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 7, status
        assert work() == 2
        print("fine")
    """
    done = run_python(code)
    assert done.stdout == "fine\n", done.stderr


@built
def test_fewer_threads_than_asked_for(run_python, monkeypatch):
    """OpenMP may be told to give fewer than a call asks for."""
    monkeypatch.setenv("OMP_THREAD_LIMIT", "2")
    code = f"""if 1:
        import sys
        sys.path[:0] = [{_TESTS!r}]
        from engine_problem import ON_ENGINE, Problem, native, run_here
        kernels = native.load({str(_PATH)!r})
        for cell in ON_ENGINE:
            for batch_size in (2, 16, 40):
                problem = Problem(cell, 3, batch_size, 9, [190], "train", tokens=True, threads=5)
                problem.check(run_here(kernels, problem))
        print("fine")
    """
    done = run_python(code)
    assert done.stdout == "fine\n", done.stderr


def test_number_of_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    granted = native.num_threads()
    assert granted >= 1
    if hasattr(native.os, "sched_getaffinity"):
        assert granted == len(native.os.sched_getaffinity(0))
    for given, expected in [
        ("3", 3),
        (" 2 ", 2),
        ("4,2", 4),
        ("1000000", 4 * native.cores()),
        ("\N{SUPERSCRIPT TWO}", granted),
        ("0", granted),
        ("-1", granted),
        ("many", granted),
        ("", granted),
    ]:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert native.num_threads() == expected
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    if _PATH and engine.info()["engine"] == "native":
        assert engine.info()["threads"] == 3


def test_tokens_are_a_copy_that_nobody_else_can_change():
    tokens = numpy.array([[0, 1], [2, 3]], "int32")
    for given in (tokens, tokens.T, tokens[:, ::-1]):
        for own in (own_tokens(given, 4), *own_minibatch(given, given, 4)):
            assert not numpy.shares_memory(own, tokens)
            assert own.dtype == numpy.int32 and own.flags.c_contiguous


def test_an_array_is_named_with_what_it_is_and_what_it_must_be():
    addresses, array = Addresses(), numpy.zeros((2, 3), "float32")
    assert addresses.of("W", array, (2, 3)) == array.ctypes.data
    for wrong, message in (
        (array[:1], r"W has the shape \(1, 3\): it must be \(2, 3\)"),
        (array.astype("float64"), "W is of the type float64: it must be float32"),
        (numpy.asfortranarray(array), "W is not in C order, aligned and writable"),
        ([[0.0] * 3] * 2, "W is a list: it must be a NumPy array"),
    ):
        with pytest.raises(InputError, match=message):
            addresses.of("W", wrong, (2, 3))


def test_workspaces_are_aligned_and_kept_for_calls_of_their_size():
    workspaces = native.Workspaces()
    taken = [workspaces.take(size) for size in (1, 64, 1000, 1000)]
    assert all(array.ctypes.data % 64 == 0 for array in taken)
    assert [array.size for array in taken] == [1, 64, 1000, 1000]
    assert not numpy.shares_memory(taken[2], taken[3])
    workspaces.give_back(taken[2])
    assert workspaces.take(64) is not taken[2]
    assert workspaces.take(1000) is taken[2]


# ---- Which engine, and why ----


@pytest.fixture
def setting(monkeypatch):
    """Return a function that sets ``GLUON_GRU_ENGINE``; what the engine remembered is forgotten."""

    def forget():
        engine._find_for.cache_clear()
        engine.warn_once.cache_clear()

    def set_it(value):
        monkeypatch.setenv("GLUON_GRU_ENGINE", value)

    monkeypatch.delenv("GLUON_GRU_ENGINE", raising=False)
    forget()
    yield set_it
    monkeypatch.undo()
    forget()


@built
def test_info_of_the_best_engine(setting):
    info = engine.info()
    assert info == {
        "engine": "native",
        "instructions": list(_KERNELS)[-1],
        "why": "the best that this processor has",
        "threads": native.num_threads(),
    }
    assert engine.kernels().name.decode() == info["instructions"]


@built
def test_an_engine_without_openmp_says_that_it_has_one_thread(setting, monkeypatch):
    monkeypatch.setattr(engine.kernels(), "has_threads", False)
    assert engine.info()["threads"] == 1


@each_instruction_set
def test_instructions_of_ones_choice(kernels, setting):
    name = kernels.name.decode()
    setting(f" {name.upper()} ")
    assert engine.info()["instructions"] == name == engine.kernels().name.decode()
    assert engine.info()["why"] == "GLUON_GRU_ENGINE"


def test_engine_turned_off_without_a_warning(setting):
    setting("off")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert engine.kernels() is None
    assert engine.info() == {"engine": "off", "why": "GLUON_GRU_ENGINE=off"}


def test_settings_that_can_not_be(setting, monkeypatch):
    setting("sse9")
    for function in (engine.kernels, engine.info):
        with pytest.raises(InputError, match="GLUON_GRU_ENGINE is 'sse9': choose from off, gen"):
            function()
    monkeypatch.setattr(native, "library_path", lambda: "somewhere")
    monkeypatch.setattr(native, "load", lambda path, instructions: None)
    setting("avx512")
    with pytest.raises(InputError, match="which this processor doesn't support"):
        engine.kernels()


class _Longer(ctypes.Structure):
    """A later version's structure."""

    _fields_ = [*native.Layer._fields_, ("more", ctypes.c_void_p)]


def _assert_off_with_one_warning(*words):
    with pytest.warns(RuntimeWarning, match=words[0]) as caught:
        assert engine.kernels() is None
        assert engine.kernels() is None
    assert len(caught) == 1
    info = engine.info()
    assert info["engine"] == "off" and all(word in info["why"] for word in words)
    assert info["why"] in str(caught[0].message)


def test_no_library(setting, monkeypatch):
    monkeypatch.setattr(native, "library_path", lambda: None)
    _assert_off_with_one_warning("not built", "C compiler", "install gluon_gru again")


def test_a_library_that_is_none(setting, monkeypatch, tmp_path):
    path = tmp_path / "_kernels.so"
    path.write_bytes(b"no library")
    monkeypatch.setattr(native, "library_path", lambda: path)
    _assert_off_with_one_warning("can't be used", "install gluon_gru again")


@built
def test_somebody_elses_library(setting, monkeypatch):
    monkeypatch.setattr(native, "library_path", lambda: "libm.so.6")
    _assert_off_with_one_warning("can't be used", "install gluon_gru again")


@built
def test_a_library_of_another_version(setting, monkeypatch):
    monkeypatch.setattr(native, "Layer", _Longer)
    _assert_off_with_one_warning("another version of gluon_gru", "install gluon_gru again")


def test_where_the_library_is_looked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(native, "__file__", str(tmp_path / "native.py"))
    assert native.library_path() is None
    for name in (
        "_kernels.so",
        f"_kernels{native.sysconfig.get_config_var('EXT_SUFFIX')}",
        "_kernels.abi3.so",
    ):
        (tmp_path / name).touch()
        assert native.library_path() == tmp_path / name


# ---- Memory ----

_PAGE = pathlib.Path(__file__).parents[2] / "docs" / "engine.md"


@pytest.mark.skipif(
    "avx2" not in _KERNELS or not _PAGE.is_file(), reason="the docs, or AVX2, are not at hand"
)
def test_the_docs_have_the_memory_that_models_need():
    found = 0
    for line in _PAGE.read_text(encoding="utf-8").split("## Memory")[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].split(",")[0] in ON_ENGINE:
            cell, *sizes = cells[0].split(", ")
            assert [f"{_megabytes(cell, *map(int, sizes), use):.1f}" for use in (1, 0)] == cells[1:]
            found += 1
    assert found == 6


@pytest.mark.skipif("avx2" not in _KERNELS, reason="AVX2 is not at hand")
def test_a_text_is_written_with_the_logits_of_one_token():
    # Beside the weights, packed, and the table of all words' gates.
    weights = 4e-6 * 256 * (10000 + 4 * 256) + 4e-6 * 10000 * 4 * 256
    assert weights < _megabytes("lstm", 256, 1, 10000, 1, 0, num_steps=1) < 1.1 * weights


def _megabytes(cell, num_hiddens, num_layers, vocab_size, batch_size, training, num_steps=35):
    """Return how large the workspace for minibatches is."""
    inputs = [vocab_size, *[num_hiddens] * (num_layers - 1)]
    layers = (native.Layer * num_layers)(
        *[
            native.Layer(CELLS[cell].number, num_inputs=size, num_hiddens=num_hiddens)
            for size in inputs
        ]
    )
    network = native.Network(
        num_layers,
        num_steps,
        batch_size,
        num_threads=2,
        training=training,
        layers=layers,
        # Only whether there are any counts.
        tokens=1,
        logits_size=vocab_size,
    )
    return _KERNELS["avx2"].workspace_size(network) / 1e6
