"""The curves that the Animator draws, read back from the figure, and what a notebook shows."""

import io
import sys
import types

import matplotlib.image
import pytest
from matplotlib.figure import Figure

from gluon_gru import Animator
from gluon_gru.training.animator import in_notebook


@pytest.fixture(autouse=True)
def _no_ipython(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)


@pytest.fixture
def pretend_ipython(monkeypatch):
    """Return a function that loads a fake IPython with a shell of the named class.

    It returns the list of what is done to the display, pairs of a name and an argument.
    """

    # When it makes its first canvas, matplotlib looks for a real IPython's inner parts.
    Figure().savefig(io.BytesIO(), format="png")

    def load(shell):
        done = []
        fake = types.ModuleType("IPython")
        fake.get_ipython = type(shell, (), {}) if shell else lambda: None
        fake.display = types.SimpleNamespace(
            clear_output=lambda wait=False: done.append(("clear", wait)),
            display=lambda shown: done.append(("display", shown)),
            Image=lambda data: data,
        )
        monkeypatch.setitem(sys.modules, "IPython", fake)
        return done

    return load


def curves(axes):
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()]


def test_numbers_make_one_curve_that_grows():
    animator = Animator()
    for point in ((1, 17.5), (10, 9), (20, 1.1)):
        animator.add(*point)
    assert curves(animator.fig.axes[0]) == [([1, 10, 20], [17.5, 9, 1.1])]


def test_a_list_has_an_entry_for_each_curve_and_they_share_a_single_x():
    animator = Animator()
    animator.add(1, [5, 6, 7])
    animator.add(2, (4, 5, 6))
    assert curves(animator.fig.axes[0]) == [([1, 2], [5, 4]), ([1, 2], [6, 5]), ([1, 2], [7, 6])]


def test_each_curve_may_have_its_own_x():
    animator = Animator()
    animator.add([1, 100], [5, 6])
    animator.add([2, 200], [4, 5])
    assert curves(animator.fig.axes[0]) == [([1, 2], [5, 4]), ([100, 200], [6, 5])]


@pytest.mark.parametrize(
    "points",
    [
        [(1, [5, None]), (2, [4, 8]), (3, [None, 7])],
        [([1, None], [5, 9]), ([2, 2], [4, 8]), ([None, 3], [3, 7])],
    ],
)
def test_none_adds_nothing_to_its_curve(points):
    animator = Animator()
    for x, y in points:
        animator.add(x, y)
    assert curves(animator.fig.axes[0]) == [([1, 2], [5, 4]), ([2, 3], [8, 7])]


def test_a_curve_may_join_later():
    animator = Animator()
    animator.add(1, 5)
    animator.add(2, [4, 9])
    assert curves(animator.fig.axes[0]) == [([1, 2], [5, 4]), ([2], [9])]


def test_labels_limits_scales_legend_and_formats_reach_the_axes():
    animator = Animator(
        xlabel="epoch",
        ylabel="perplexity",
        legend=["train", "test"],
        xlim=[1, 500],
        ylim=[1, 20],
        xscale="log",
        yscale="log",
        fmts=["r:", "bo"],
        figsize=(4, 3),
    )
    animator.add(1, [5, 6])
    # Each point draws the axes anew: nothing may get lost or double.
    animator.add(2, [4, 5])
    (axes,) = animator.fig.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "perplexity")
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlim() == (1, 500)
    assert axes.get_ylim() == (1, 20)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "test"]
    assert [
        (line.get_color(), line.get_linestyle(), line.get_marker()) for line in axes.get_lines()
    ] == [("r", ":", "None"), ("b", "None", "o")]
    assert tuple(animator.fig.get_size_inches()) == (4, 3)


def test_axes_are_linear_and_without_a_legend_unless_asked_for():
    animator = Animator()
    animator.add(1, 2)
    (axes,) = animator.fig.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    assert axes.get_legend() is None


def test_formats_repeat_when_there_are_more_curves():
    animator = Animator(fmts=["r-", "b-"])
    animator.add(1, [1, 2, 3])
    assert [line.get_color() for line in animator.fig.axes[0].get_lines()] == ["r", "b", "r"]


def test_of_several_axes_the_first_is_drawn_on():
    animator = Animator(xlabel="epoch", nrows=2, ncols=3)
    animator.add(1, 2)
    assert animator.fig.axes == animator.axes
    assert [len(axes.get_lines()) for axes in animator.axes] == [1, 0, 0, 0, 0, 0]
    assert animator.axes[0].get_xlabel() == "epoch"


def test_without_ipython_it_draws_and_does_not_load_it():
    assert not in_notebook()
    Animator().add(1, 2)
    assert "IPython" not in sys.modules


@pytest.mark.parametrize(
    ("shell", "expected"),
    [("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False), (None, False)],
)
def test_only_jupyters_shell_counts_as_a_notebook(pretend_ipython, shell, expected):
    pretend_ipython(shell)
    assert in_notebook() is expected


def test_ipythons_terminal_shows_no_picture(pretend_ipython):
    done = pretend_ipython("TerminalInteractiveShell")
    Animator().add(1, 2)
    assert done == []


def test_a_notebook_shows_a_new_picture_in_place_of_the_old_one_with_every_point(pretend_ipython):
    done = pretend_ipython("ZMQInteractiveShell")
    animator = Animator(figsize=(4, 2))
    animator.add(1, 2)
    animator.add(2, 1)
    assert [name for name, _ in done] == ["clear", "display"] * 2
    # Waiting for the new picture keeps the cell from flickering.
    assert [wait for name, wait in done if name == "clear"] == [True, True]
    first, second = (
        matplotlib.image.imread(io.BytesIO(picture), format="png")
        for name, picture in done
        if name == "display"
    )
    assert first.shape == (200, 400, 4)
    assert (first != second).any()
