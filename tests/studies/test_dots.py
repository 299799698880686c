"""The chart of published and measured perplexities."""

import pytest

from gluon_gru.report import charts
from gluon_gru.report.axes import beyond, stacked
from gluon_gru.report.document import Document, DotRow, Dots
from gluon_gru.report.page import page
from gluon_gru.report.pictures import pictures


def block(*measured):
    rows = [DotRow("a claim", "p = 0.5", [1.1, 1.1], measured, "gru-scratch")]
    return Dots("title", "dots.png", rows, "perplexity", 1.0, 1.6)


@pytest.mark.parametrize("number", [1, 5, 12])
def test_every_value_is_a_dot_and_equal_ones_do_not_hide_each_other(number):
    values = [1.061] * number
    places = stacked(values, block(*values))
    assert len(set(places)) == number and max(below for _, below in places) < 5
    # Around the value's place.
    xs = {x for x, _ in places}
    assert sum(xs) / len(xs) == pytest.approx(0.1)


def test_a_value_beyond_the_edge_is_at_it_and_written_out():
    some = block(1.061, 6.5, 1.7)
    values = some.rows[0].filled
    assert [x for x, _ in stacked(values, some) if x > 0.9] == pytest.approx(
        [0.994, 1.006], abs=0.007
    )
    assert beyond(values, some) == "1.70, 6.50" and beyond([1.6], some) == ""
    assert pictures([some])["dots.png"].startswith(b"\x89PNG")


def test_the_page_has_a_dot_for_every_value():
    some = block(1.061, 1.07, 2)
    html = page(Document("", [some]), {}).decode()
    assert html.count('class="filled"') == 3 and html.count('class="hollow"') == 2
    assert "--c: var(--blue)" in html and ">2.00<" in html
    assert len(set(charts.dots(some.rows[0], some))) == 5
