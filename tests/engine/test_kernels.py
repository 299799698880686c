"""The engine's kernels against float64 NumPy, on every instruction set that this processor has.

With ``GLUON_GRU_RUNNER``, the command that starts a build of ``native/runner.c`` (sanitized, or for
another processor), the same comparisons are made of that build instead, over fewer problems.
"""

import functools
import itertools
import os
import shlex

import hypothesis
import numpy
import pytest
from engine_problem import ON_ENGINE, Problem, Runner, run_here
from hypothesis import strategies
from marks import slow_but

from gluon_gru.engine import native
from gluon_gru.engine.choosing import Choosing

_COMMAND = os.environ.get("GLUON_GRU_RUNNER")


def _ways_to_run():
    """Return functions that run a problem, by instruction set."""
    if _COMMAND:
        runner = Runner(shlex.split(_COMMAND))
        return {name: functools.partial(runner.run, name) for name in runner.instructions()}
    path = native.library_path()
    kernels = {
        name: native.load(path, name) if path else None for name in ("generic", "avx2", "avx512")
    }
    return {name: functools.partial(run_here, k) for name, k in kernels.items() if k}


_RUN = _ways_to_run()
pytestmark = pytest.mark.skipif(not _RUN, reason="the engine was not built")


def check(problem, tolerance=1e-5):
    """Run a problem on all instruction sets and compare; return the last results."""
    for instructions, run in _RUN.items():
        results = run(problem)
        try:
            problem.check(results, tolerance)
        except AssertionError as error:
            raise AssertionError(f"{instructions}, {problem!r}: {error}") from error
    return results


# num_steps, batch_size, num_inputs, num_hiddens
SHAPES = [
    (1, 1, 1, [1]),
    (2, 3, 5, [4]),
    (7, 5, 3, [17]),
    (3, 70, 11, [33]),
    (5, 9, 300, [100]),
    (80, 2, 7, [300]),
    (4, 13, 28, [64]),
    (9, 50, 31, [48]),
    (3, 2, 5000, [37]),
    (5, 6, 9, [20, 3]),
    (4, 3, 40, [1, 70, 200]),
]


def _problems():
    """Return all shapes with all cells; layouts, inputs and threads change in between."""
    threads, params = itertools.cycle([1, 2, 3]), []
    # Five cells take two ways each: of a cell, the next shape has the other two.
    ways = itertools.cycle(itertools.product([False, True], [False, True]))
    for shape in SHAPES:
        for cell in ON_ENGINE:
            for transposed, tokens in itertools.islice(ways, 1 if _COMMAND else 2):
                params.append(
                    pytest.param(
                        cell,
                        shape,
                        transposed,
                        tokens,
                        next(threads),
                        id=(f"{cell}-{shape}-{'transposed-' * transposed}{'tokens' * tokens}"),
                    )
                )
    return params


@pytest.mark.parametrize("cell, shape, transposed, tokens, threads", _problems())
def test_states_and_gradients(cell, shape, transposed, tokens, threads):
    check(Problem(cell, *shape, transposed=transposed, tokens=tokens, threads=threads))


@pytest.mark.skipif(not _COMMAND, reason="the kernels that are installed trust their callers")
@pytest.mark.parametrize("name", ["tokens", "labels"])
@pytest.mark.parametrize("wrong", [-1, 5])
def test_a_build_for_tests_ends_at_an_index_out_of_range(name, wrong):
    for run in _RUN.values():
        problem = Problem("gru_before", 3, 2, 5, [4], "train", tokens=True)
        problem.arrays[name][2, 1] = wrong
        with pytest.raises(AssertionError, match="Assertion.*failed"):
            run(problem)


@pytest.mark.parametrize("clip", [0.3, 3])
@pytest.mark.parametrize("cell", ON_ENGINE)
def test_a_training_step(cell, clip):
    for shape, transposed, threads in [
        ((1, 1, 1, [1]), False, 2),
        ((5, 7, 28, [19]), True, 2),
        ((3, 2, 300, [130]), False, 3),
        ((35, 32, 28, [40]), False, 2),
        ((4, 5, 13, [20, 3, 40]), True, 1),
        ((2, 3, 5000, [7]), False, 3),
    ]:
        check(
            Problem(
                cell,
                *shape,
                "train",
                clip=clip,
                transposed=transposed,
                threads=threads,
                tokens=True,
            )
        )
    check(Problem(cell, 4, 3, 13, [21], "train", clip=clip, threads=2))


@pytest.mark.parametrize("cell", ON_ENGINE)
def test_more_threads_than_there_are_rows_for(cell):
    """Groups of threads share the rows, and the threads of a group the units of its rows."""
    for batch_size, num_hiddens, threads in [
        (32, 256, 16),
        (20, 130, 7),
        (33, 70, 12),
        (3, 130, 16),
        (25, 9, 8),
    ]:
        check(Problem(cell, 3, batch_size, 9, [num_hiddens], "train", tokens=True, threads=threads))


@pytest.mark.parametrize("task", ["train", "score"])
@pytest.mark.parametrize("cell, transposed", [("gru_before", False), ("lstm", True)])
def test_several_blocks_of_everything(cell, transposed, task):
    """Of rows, depth and panels in products; of a weight's gradient; and fewer words than there are."""
    shape = 3, 131, 1100, [270]
    check(Problem(cell, *shape, task, transposed=transposed, tokens=True))


@pytest.mark.parametrize("task", ["train", "score"])
@pytest.mark.parametrize("cell", ON_ENGINE)
def test_a_large_minibatch_is_computed_in_parts(cell, task):
    # Up to 128 rows at a time (more with more than two threads), the last ones of 257 are fewer.
    for batch_size, num_inputs, num_hiddens, threads in [
        (257, 28, [18], 2),
        (300, 1200, [9, 20], 1),
        (400, 5, [20, 3, 9], 3),
    ]:
        check(
            Problem(
                cell,
                4,
                batch_size,
                num_inputs,
                num_hiddens,
                task,
                tokens=True,
                masked=task == "train",
                transposed=threads == 2,
                threads=threads,
            )
        )


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("cell", ON_ENGINE)
def test_the_likeliest_tokens_are_written(cell, transposed):
    different = set()
    for num_inputs, num_hiddens, threads in [
        (1, [1], 1),
        (28, [19], 2),
        (50, [250], 3),
        (700, [20, 3], 1),
    ]:
        shape = cell, 1, 1, num_inputs, num_hiddens, "write"
        how = {"tokens": True, "scale": 1, "transposed": transposed, "threads": threads}
        different |= set(check(Problem(*shape, **how))["added"])
        check(Problem(*shape, **how, prefix_size=1, count=1))
    # Any token would be right after itself.
    assert len(different) > 6


@pytest.mark.parametrize("cell", ON_ENGINE)
@pytest.mark.parametrize(
    "how",
    [
        Choosing(0, unk=0),
        Choosing(1),
        Choosing(1e-320, unk=3),
        Choosing(1.5, top_k=4, unk=0),
        Choosing(0.8, top_k=10**9),
        Choosing(0.8, top_p=0.7),
        Choosing(2, top_k=9, top_p=0.6, unk=7),
        Choosing(1e300, top_p=0.5),
    ],
    ids=str,
)
def test_drawn_tokens_are_written(cell, how):
    different = set()
    for num_inputs, num_hiddens, threads in [(13, [9], 1), (700, [20, 3], 2)]:
        shape = cell, 1, 1, num_inputs, num_hiddens, "write"
        results = check(Problem(*shape, tokens=True, scale=0.5, threads=threads, count=40, how=how))
        different |= set(results["added"])
    assert len(different) > (1 if how.temperature < 0.1 else 8)


@pytest.mark.parametrize(
    "how", [Choosing(), Choosing(1, 5), Choosing(1, 5, 0.5), Choosing(1, None, 0.5, 0)]
)
@pytest.mark.parametrize("wrong", [numpy.nan, numpy.inf, -numpy.inf])
def test_a_token_is_chosen_whatever_the_logits_are(wrong, how):
    for count in (1, 7, 13):
        for run in _RUN.values():
            problem = Problem("lstm", 1, 1, 13, [9], "write", tokens=True, how=how)
            problem.arrays["b_q"][:count] = wrong
            added = run(problem)["added"]
            assert added.min() >= 0 and added.max() < 13


@pytest.mark.parametrize("step", [1, 2, 1000])
@pytest.mark.parametrize("cell", ON_ENGINE)
def test_a_step_of_adam(cell, step):
    for shape, transposed, clip in [
        ((3, 2, 11, [130]), False, 0.3),
        ((4, 5, 13, [20, 3]), True, 3),
    ]:
        check(
            Problem(
                cell,
                *shape,
                "train",
                clip=clip,
                transposed=transposed,
                threads=2,
                tokens=True,
                adam=step,
            )
        )


@pytest.mark.parametrize("cell", ON_ENGINE)
def test_masks_between_layers_in_training(cell):
    for threads, num_hiddens in [(1, [20, 3]), (2, [17, 40, 9])]:
        check(
            Problem(
                cell,
                6,
                5,
                11,
                num_hiddens,
                "train",
                tokens=True,
                masked=True,
                transposed=threads == 2,
                threads=threads,
            )
        )


@pytest.mark.parametrize("cell", ON_ENGINE)
def test_a_score_is_the_loss_alone(cell):
    for shape, threads in [((1, 1, 1, [1]), 1), ((35, 32, 28, [40]), 2), ((4, 5, 900, [20, 3]), 3)]:
        check(Problem(cell, *shape, "score", tokens=True, threads=threads, transposed=threads == 2))


@pytest.mark.parametrize("cell", ON_ENGINE)
def test_logits_token_by_token(cell):
    for num_inputs, num_hiddens, threads in [(1, [1], 1), (28, [250], 2), (700, [20, 3], 3)]:
        check(
            Problem(
                cell,
                1,
                1,
                num_inputs,
                num_hiddens,
                "read",
                tokens=True,
                prefix_size=9,
                transposed=threads == 2,
                threads=threads,
            )
        )


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("cell", ON_ENGINE)
def test_forward_alone_and_without_anything_optional(cell, tokens):
    for task, optional in [("forward", True), ("forward", False), ("backward", False)]:
        check(Problem(cell, 5, 4, 11, [18, 7], task, optional=optional, tokens=tokens))
    check(Problem(cell, 5, 4, 11, [18], "train", optional=False, tokens=tokens))


@pytest.mark.parametrize("cell", slow_but(["gru_before", "lstm"], ON_ENGINE))
def test_gradients_that_nobody_wants(cell):
    """Each of them alone is what it is among all others."""
    for tokens in (False, True):
        problem = Problem(cell, 3, 4, 5, [18], threads=2, tokens=tokens)
        optional = problem.written - {"outputs"}
        arrays = dict(problem.arrays)
        for wanted in sorted(optional)[: 3 if _COMMAND else None]:
            problem.written = {"outputs", wanted}
            problem.arrays = {
                name: array
                for name, array in arrays.items()
                if name == wanted or name not in optional
            }
            check(problem)


@pytest.mark.parametrize("cell", ON_ENGINE)
def test_more_threads_than_work(cell):
    for shape in [(1, 1, 1, [1]), (3, 2, 5, [200]), (2, 70, 5, [3, 20])]:
        for task in ("backward", "train"):
            check(Problem(cell, *shape, task, threads=17, tokens=task == "train"))


@pytest.mark.parametrize("cell", ON_ENGINE)
def test_saturated_and_tiny_weights(cell):
    for transposed in (False, True):
        check(Problem(cell, 2, 5, 7, [20], scale=1e-20, transposed=transposed))
        # Sums of about 100, of which float32 knows no more than 1e-5: so do the gates.
        check(Problem(cell, 2, 5, 7, [20], scale=20, transposed=transposed), tolerance=1e-4)


@strategies.composite
def problems(draw):
    """Draw sizes up to the largest of each, their product within a time limit."""
    left = 2e5 if _COMMAND else 5e5
    sizes = {}
    for name, largest in draw(
        strategies.permutations([("num_hiddens", 300), ("batch_size", 70), ("num_steps", 80)])
    ):
        sizes[name] = draw(strategies.integers(1, int(min(largest, left))))
        left = max(1, left / sizes[name] ** (2 if name == "num_hiddens" else 1))
    num_layers = draw(strategies.integers(1, 3))
    return Problem(
        draw(strategies.sampled_from(ON_ENGINE)),
        sizes["num_steps"],
        sizes["batch_size"],
        draw(strategies.integers(1, 300)),
        [sizes["num_hiddens"]] * num_layers,
        draw(strategies.sampled_from(["backward", "train"])),
        adam=draw(strategies.sampled_from([0, 3])),
        masked=draw(strategies.booleans()),
        transposed=draw(strategies.booleans()),
        tokens=draw(strategies.booleans()),
        threads=draw(strategies.integers(1, 3)),
        clip=draw(strategies.sampled_from([0.3, 3])),
        seed=draw(strategies.integers(0, 99)),
    )


@pytest.mark.slow
@hypothesis.settings(max_examples=10 if _COMMAND else 30)
@hypothesis.given(problems())
def test_any_sizes(problem):
    check(problem)
