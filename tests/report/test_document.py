"""A document is rendered in three ways, and none of them loses what it says."""

import json
import re
from typing import Union

import campaign
import hypothesis
import pytest
from hypothesis import strategies as st

from gluon_gru.report import document as d
from gluon_gru.report import markdown, page, style, terminal, write
from gluon_gru.report.axes import Axes, Axis, Shades, luminance
from gluon_gru.runs.schemas import charts
from gluon_gru.runs.schemas.checking import checked
from gluon_gru.studies.reproduce.models import MODELS

CURVES = d.Curves("Curves of it", "curves.png", [d.Curve("one", [[3, 2], [5]])])
BLOCKS = [
    d.Heading("First things: `a` & b", short="First"),
    d.Verdicts([d.Judged("the-table", "x/y", "holds"), d.Judged("row", "x/z", "depends")]),
    d.Paragraph("Some **words**."),
    d.Heading("The table", level=3, verdict="holds"),
    d.Table(["a", "verdict"], [["b|c", "holds"]], "A title", ["row"], 1),
    d.Link("A [page", "page.html", ": of `it`"),
    d.Quote("What they wrote", "A source"),
    d.Bullets(["a bullet"]),
    d.Fold(d.Heading("Folded away"), "a summary", [d.Bullets(["a detail"])]),
    d.Code("two\n  lines"),
    d.Texts("claim", [d.Continuation("x/y", "reported", "some text", "50%", [[0, 4]])]),
    d.Facts({"cores": 2}),
    CURVES,
    d.Bars("Bars of it", "bars.png", [d.Bar("one", "note", 5)]),
    d.Dots("Dots of it", "dots.png", [d.DotRow("row", "note", [1.1], [1.2])], "perplexity", 1, 2),
    d.HeatMap("A map of it", "map.png", ["r"], ["k"], {"grid": [[(None, "none")]]}),
]
DOCUMENT = d.Document("A report", BLOCKS)
CHARTS = Union[charts.Curves, charts.Bars, charts.HeatMap]


def test_every_block_is_rendered_as_markdown_and_on_a_page(tmp_path):
    write(DOCUMENT, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"report.md", "report.html", "curves.png", "bars.png", "dots.png", "map.png"}
    text, html = (
        (tmp_path / f"report.{end}").read_text(encoding="utf-8") for end in ("md", "html")
    )
    for said in (
        *("A report", "x/y", "x/z", "words", "A title", "What they wrote", "A source", "a bullet"),
        *("a summary", "a detail", "  lines", "some text", "50%", "cores"),
        *("Curves of it", "Bars of it", "A map of it"),
    ):
        assert said in text.replace("`", "") and said in re.sub("<.?mark>", "", html), said
    assert "- holds, 1: [`x/y`](#the-table)\n- depends, 1: `x/z`" in text
    assert "[A [page](page.html): of `it`" in text
    assert '<a href="page.html">A [page</a>: of <code>it</code>' in html
    assert "### The table\n\nVerdict: **holds**" in text
    assert "<mark>some</mark> text" in html and '<a href="#first-things-a--b">First</a>' in html


def test_kinds_of_blocks_and_the_pages_macros_are_the_same():
    kinds = {name for name in dir(d) if getattr(getattr(d, name), "__dataclass_fields__", None)}
    macros = page._environment().get_template("blocks.html").module
    assert {name for name in dir(macros) if name[0].isupper()} - {"MARKS", "KINDS"} == kinds - {
        "Document",
        "Fold",
    }


def test_pictures_of_one_file_are_shown_once():
    document = d.Document("", [d.Bars(f"Panel {i}", "a.png", [d.Bar("b", "", 1)]) for i in (1, 2)])
    assert markdown.markdown(document).count("a.png") == 1


def test_cells_that_hold_a_bar_or_a_line_break_keep_a_markdown_table_whole():
    assert markdown.table(["c"], [["a|b\nc"], [1]]).splitlines() == [
        "| c      |",
        "|--------|",
        "| a\\|b c |",
        "| 1      |",
    ]


def test_a_table_fits_the_terminal_and_no_word_of_it_is_broken():
    words = "to be or not to be that is the question whether tis nobler in the mind to suffer"
    table = d.Table(["a/long/name", "words"], [["another/long/name", words], ["b", "short"]])
    wide, narrow = (terminal.text([table], width) for width in (200, 40))
    assert len(wide.splitlines()) == 4 and words in wide
    assert max(map(len, narrow.splitlines())) <= 40
    assert wide.split() != narrow.split() and sorted(wide.split())[5:] == sorted(narrow.split())[5:]


def test_facts_and_sentences_are_wrapped_too():
    blocks = [d.Heading("A heading"), d.Facts({"name": "a b c d e"}), d.Paragraph("x " * 20)]
    text = terminal.text(blocks, 12)
    assert max(map(len, text.splitlines())) <= 12
    assert text.startswith("A heading\n\nname  a b c\n      d e")


@pytest.mark.parametrize(
    "low, high, scale, labels",
    [
        (1, 500, "linear", ["100", "200", "300", "400", "500"]),
        (0.97, 26, "log", ["1", "1.5", "2", "3", "4", "5", "7", "10", "15", "20"]),
        (7.5, 17.5, "log", ["8", "10", "12", "14", "16"]),
        (0, 63, "near", ["0", "2", "4", "6", "8", "10", "20", "40", "60"]),
    ],
)
def test_an_axis_has_ticks_that_can_be_read(low, high, scale, labels):
    axis = Axis(low, high, scale)
    assert [label for _, label in axis.ticks] == labels
    places = [place for place, _ in axis.ticks]
    assert places == sorted(places) and places[0] >= 0 and places[-1] <= 1
    assert axis.at(low) == 0 and axis.at(high) == 1


@pytest.mark.campaign
@hypothesis.settings(max_examples=campaign.times(100), deadline=None)
@hypothesis.given(st.floats(1e-3, 1e3), st.floats(1.01, 1e4), st.sampled_from(["linear", "log"]))
def test_a_whole_axis_has_every_value_between_two_ticks_that_do_not_overlap(low, ratio, scale):
    axis = Axis(low, low * ratio, scale, whole=True)
    values = [float(label) for _, label in axis.ticks]
    # A label has six digits.
    assert values[0] <= low * (1 + 1e-5) and values[-1] >= low * ratio * (1 - 1e-5)
    places = [place for place, _ in axis.ticks]
    assert min(b - a for a, b in zip(places, places[1:])) > 0.06
    assert places[0] == pytest.approx(0) and 2 <= len(places) <= 13


MAPS = [
    d.HeatMap("a", "a.png", ["r"], list("abc"), {"": [[(v, f"{v}") for v in values]]}, **how)
    for values, how in (
        ((0.5, 1, 9), {}),
        ((7.4, 9, 17.2), {"legend": "perplexity"}),
        ((0, 0.4, 1), {"legend": "gate", "scale": "share"}),
    )
]


@pytest.mark.parametrize("block", MAPS, ids=["two-sided", "log", "share"])
def test_colours_of_values_run_from_end_to_end_and_what_is_written_on_them_stands_out(block):
    shades = Shades(block)
    low, high = shades.ends
    assert shades.colour(low) == shades.stops[0] and shades.colour(high) == shades.stops[-1]
    (row,) = block.grids[""]
    assert all(low <= value <= high for value, _ in row)
    for value, _ in row:
        lights = luminance(shades.colour(value)), luminance(shades.ink(value))
        assert (max(lights) + 0.05) / (min(lights) + 0.05) > 4.5
    # The page draws it itself.
    html = page.page(d.Document("", [block]), {}).decode()
    assert "<img" not in html and html.count("<path fill") == 3


@pytest.mark.parametrize(
    "xscale, xs, labels",
    [
        ("linear", range(60), ["0", "10", "20", "30", "40", "50", "60"]),
        ("near", range(60), ["0", "2", "4", "6", "8", "10", "20", "40", "60"]),
        ("log", [15, 350], ["10", "20", "50", "100", "200", "500"]),
    ],
)
def test_every_value_of_curves_lies_between_two_ticks(xscale, xs, labels):
    ys = [9 + 8 * (i % 2) for i in range(len(xs))]
    axes = Axes(d.Curves("", "", [d.Curve("a", [ys], x=list(xs))], xscale=xscale))
    assert [label for _, label in axes.x.ticks] == labels
    ends = [float(axes.y.ticks[i][1]) for i in (0, -1)]
    assert ends[0] <= 9 and ends[1] >= 17
    # Where the scale changes there is a mark.
    assert (axes.turn is not None) == (xscale == "near")


def test_by_epoch_perplexities_lie_between_two_ticks_too_and_epochs_are_whole():
    axes = Axes(d.Curves("", "", [d.Curve("a", [[26, 4, 1.07]])]))
    assert float(axes.y.ticks[0][1]) <= 1.07 and float(axes.y.ticks[-1][1]) >= 26
    assert [label for _, label in axes.x.ticks] == ["1", "2", "3"]


@pytest.mark.parametrize("kind", [d.Curves, d.Bars, d.HeatMap])
def test_a_chart_is_the_same_after_it_was_kept_as_json(kind):
    chart = {
        d.Curves: d.Curves(
            "a", "a.png", [d.Curve("b", [[1, 2.5]], "gru-scratch", range(2))], [d.Point(1, 2, "c")]
        ),
        d.Bars: d.Bars("a", "a.png", [d.Bar("b", "c", 0.25, (0.1, 0.5))], "{:.2f}"),
        d.HeatMap: MAPS[1],
    }[kind]
    kept = json.loads(json.dumps(d.as_json(chart)))
    found = checked(kept, CHARTS)
    assert d.as_json(d.chart(found)) == kept
    drawn = [page.page(d.Document("", [one]), {}) for one in (chart, d.chart(found))]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    "kind, change",
    [
        (charts.Curves, {"xscale": "log"}),
        (charts.Curves, {"curves": []}),
        (charts.Curves, {"curves": [{"label": "a", "runs": [[1]], "x": [1, 2]}]}),
        (charts.HeatMap, {"rows": ["a", "b"]}),
        (charts.HeatMap, {"columns": ["a"]}),
        (charts.HeatMap, {"scale": "share"}),
        (charts.HeatMap, {"file": "../a.png"}),
        (charts.Bars, {"form": "{0.__class__}"}),
    ],
)
def test_a_chart_that_could_not_be_drawn_is_refused(kind, change):
    whole = {
        charts.Curves: d.Curves("", "a.png", [d.Curve("a", [[1, 2]], x=[0, 1])]),
        charts.HeatMap: MAPS[1],
        charts.Bars: d.Bars("", "a.png", [d.Bar("a", "", 1)]),
    }[kind]
    assert checked(d.as_json(whole), CHARTS)
    with pytest.raises(ValueError):
        checked({**d.as_json(whole), **change}, CHARTS)


def test_what_is_no_model_has_no_models_colour():
    models = {one.colour for name, one in style.STYLES.items() if name not in ("R", "Z")}
    others = {style.style("no such model", place).colour for place in range(8)}
    assert not models & others and len(others) == 4


def test_a_point_that_was_reported_after_more_epochs_is_at_the_edge():
    block = d.Curves("", "", CURVES.curves, [d.Point(500, 4, "4 reported")])
    (place,) = Axes(block).places
    assert place.x == 1 and place.label_x < 0.1


def test_every_model_that_is_trained_has_a_style_of_its_own():
    sampled = ("rnn-scratch-random", "gru-concise-random")
    styles = [style.STYLES[name] for name in {*MODELS, *sampled}]
    assert len(set(styles)) == len(styles)
    assert style.style("no such model", 1) != style.style("no such model", 2)


def test_a_perplexity_that_overflowed_is_drawn_at_the_edge():
    (line,) = Axes(d.Curves("", "", [d.Curve("one", [[float("inf"), 20, 2]])])).lines
    assert line.points[0] == (0, 1) and 0 <= line.points[2][1] < line.points[1][1] <= 1
