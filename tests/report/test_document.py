"""A document is rendered in three ways, and none of them loses what it says."""

import re

import campaign
import hypothesis
import pytest
from hypothesis import strategies as st

from gluon_gru.report import document as d
from gluon_gru.report import markdown, page, style, terminal, write
from gluon_gru.report.axes import Axes, Axis
from gluon_gru.studies.reproduce.models import MODELS

CURVES = d.Curves("Curves of it", "curves.png", [d.Curve("one", [[3, 2], [5]])])
BLOCKS = [
    d.Heading("First things: `a` & b", short="First"),
    d.Verdicts([d.Judged("the-table", "x/y", "holds"), d.Judged("row", "x/z", "depends")]),
    d.Paragraph("Some **words**."),
    d.Heading("The table", level=3, verdict="holds"),
    d.Table(["a", "verdict"], [["b|c", "holds"]], "A title", ["row"], 1),
    d.Quote("What they wrote", "A source"),
    d.Bullets(["a bullet"]),
    d.Fold(d.Heading("Folded away"), "a summary", [d.Bullets(["a detail"])]),
    d.Code("two\n  lines"),
    d.Texts("claim", [d.Text("x/y", "reported", "some text", "50%", [[0, 4]])]),
    d.Facts({"cores": 2}),
    CURVES,
    d.Bars("Bars of it", "bars.png", [d.Bar("one", "note", 5)]),
    d.HeatMap("A map of it", "map.png", ["r"], ["k"], {"grid": [[(None, "none")]]}),
]
DOCUMENT = d.Document("A report", BLOCKS)


def test_every_block_is_rendered_as_markdown_and_on_a_page(tmp_path):
    write(DOCUMENT, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"report.md", "report.html", "curves.png", "bars.png", "map.png"}
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
