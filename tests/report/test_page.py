"""Reports as pages: one file each, well-formed, and no text in them becomes markup."""

import base64
import html.parser
import io
import json
import re

import numpy
import pages
import pytest
from pages import EVIL
from PIL import Image

from gluon_gru import cli as commands
from gluon_gru.errors import InputError
from gluon_gru.gates import inspection as gates_of
from gluon_gru.gates.walk import MAX_TOKENS, MAX_UNITS, walk
from gluon_gru.report import charts
from gluon_gru.report import page as rendering
from gluon_gru.report.axes import Axes
from gluon_gru.report.document import Bar, Bars, Curve, Curves, Document, Point, Walk
from gluon_gru.runs import restore
from gluon_gru.studies.reproduce import report

KINDS = ("reproduce", "exercises", "sweep", "benchmark", "shapes", "gates")
_VOID = {"meta", "link", "br", "img", "input"}
_SCRIPTS = {"reproduce": 2, "exercises": 6, "sweep": 2, "benchmark": 0, "shapes": 0, "gates": 2}


class Page(html.parser.HTMLParser):
    """A page's elements and text; ``wrong`` says what is not well-formed."""

    def __init__(self, path):
        super().__init__()
        self.open, self.elements, self.wrong, self.text = [], [], [], ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        self.wrong += self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.wrong += [
            f"{tag} {name} twice"
            for name in {name for name, _ in attrs}
            if [other for other, _ in attrs].count(name) > 1
        ]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.text += data


def html(results):
    return rendering.page(report.document(results), {}).decode()


@pytest.fixture(scope="module")
def parsed(made):
    return {kind: Page(path) for kind, path in made[0].items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_well_formed_and_its_links_lead_somewhere(parsed, kind):
    page = parsed[kind]
    assert page.wrong == [] and page.source.startswith("<!DOCTYPE html>")
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids)) > 3
    links = [attrs["href"] for tag, attrs in page.elements if tag == "a"]
    assert len(links) > 3 and {link[1:] for link in links} <= set(ids)
    assert ("html", {"lang": "en"}) in page.elements and "<title>" in page.source


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_needs_no_other_file(parsed, kind):
    for tag, attrs in parsed[kind].elements:
        assert all(
            value.startswith(("#", "data:"))
            for name, value in attrs.items()
            if name in ("src", "href", "srcset", "action", "data", "xlink:href")
        ), tag
    assert not re.search(r"@import|url\(|https?://", parsed[kind].source)
    assert len(parsed[kind].source) < 1.5e6


@pytest.mark.parametrize("kind", KINDS)
def test_texts_from_outside_stay_texts(parsed, kind):
    page = parsed[kind]
    assert sum(tag == "script" for tag, _ in page.elements) == _SCRIPTS[kind]
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert not any(attrs.get("src") == "x" for _, attrs in page.elements)
    # A report's backticks are its own marks for code.
    assert page.text.replace("`", "").count(EVIL.replace("`", "")) >= 3


def test_a_page_says_what_the_results_hold(parsed, made):
    page = parsed["reproduce"]
    assert "1.1 ± 0.05" in page.text and "14,693 on gpu(0)" in page.text
    assert "NOT the book's corpus" in page.text and "1.1 reported" in page.text
    results = json.loads((made[0]["reproduce"].parent / "reproduce" / "record.json").read_text())
    assert page.text.count("not comparable: other corpus") >= len(results["verdicts"])
    for name in ("cores", "system", "python", "numpy", "mxnet", "device"):
        assert str(results["invocations"][0]["environment"][name]) in page.text
    curves = json.loads(
        re.search(r'<script type="application/json">(.*?)</script>', page.source).group(1)
    )["curves"]
    assert [run for curve in curves for run in curve["runs"]] == [
        pytest.approx(run["perplexity"], rel=1e-3)
        for model in results["models"]
        for run in results["runs"]
        if run["model"] == model
    ]


def test_verbatim_runs_are_marked(parsed):
    assert f"<mark>{EVIL[9:20]}</mark>".replace("<img", "&lt;img") in parsed["reproduce"].source


def test_results_without_the_places_of_verbatim_runs_still_have_a_page(made):
    results = json.loads((made[0]["reproduce"].parent / "reproduce" / "record.json").read_text())
    for verdict in results["verdicts"]:
        verdict["figures"].pop("spans", None)
    page = html(results)
    assert "so nothing is marked" in page and "<mark>" not in page
    assert page.count("reported, ") == html(
        {**results, "verdicts": [{**verdict, "spans": []} for verdict in results["verdicts"]]}
    ).count("reported, ")


def test_a_page_can_be_made_before_anything_is_measured(made):
    results = json.loads((made[0]["reproduce"].parent / "reproduce" / "record.json").read_text())
    page = html(
        {
            **results,
            "runs": [],
            "models": {},
            "verdicts": [
                {**verdict, "measured": [], "further": [], "texts": [], "verdict": "not measured"}
                for verdict in results["verdicts"]
            ],
        }
    )
    assert page.count("not measured") > len(results["verdicts"])


def test_sentences_have_code_and_bold_and_nothing_else():
    assert rendering.prose("a `b<c` **d** <e> `f") == (
        "a <code>b&lt;c</code> <strong>d</strong> &lt;e&gt; `f"
    )
    assert rendering.prose(3) == "3" and rendering.prose("") == ""


@pytest.mark.parametrize(
    "spans, pieces",
    [
        ([], [("abcdef", False)]),
        ([[0, 6]], [("abcdef", True)]),
        ([[0, 2], [3, 4]], [("ab", True), ("c", False), ("d", True), ("ef", False)]),
    ],
)
def test_a_text_is_cut_at_spans(spans, pieces):
    assert rendering.pieces("abcdef", spans) == pieces


def test_a_picture_keeps_its_looks(made):
    png = next(made[0]["gates"].parent.glob("*.png")).read_bytes()
    address = rendering.picture(png)
    small = base64.b64decode(address.split(",")[1])
    before, after = (
        numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float) for data in (png, small)
    )
    assert before.shape == after.shape and len(small) < len(png)
    assert abs(before - after).mean() < 2


def places(line):
    return [tuple(map(float, point.split(","))) for point in line.split()]


def test_curves_are_where_their_values_are():
    block = Curves("", "a.png", [Curve("a", [[10, 1], [10, 10], [10, 1]])], [Point(1, 10, "b")])
    axes, left, right = Axes(block), charts.BOX["left"], charts.BOX["right"]
    ((_, points, band),) = axes.lines
    first, last, *back = places(charts.path(points) + " " + charts.path(band))
    at = {label: charts.up(y) for y, label in axes.y.ticks}
    assert first == (left, at["10"]) and at["10"] == charts.up(axes.places[0].y)
    assert last == (right, at["1"])
    # The range of the seeds: along its top, and back below.
    assert back == [first, (right, at["10"]), last, first]
    assert charts.table(block).rows == [[1, "10.000, 10.000, 10.000"], [2, "1.000, 10.000, 1.000"]]
    page = rendering.page(Document("", [block]), {}).decode()
    assert f'points="{charts.path(points)}"' in page and f'points="{charts.path(band)}"' in page


def test_bars_are_as_long_as_their_values_say():
    block = Bars("", "a.png", [Bar("a", "", 50, (25, 100)), Bar("b", "", 20)], limit=200)
    page = rendering.page(Document("", [block]), {}).decode()
    assert re.findall(r'style="width: (.*?)%', page) == ["25.0", "10.0"]
    assert re.search(r'style="left: (.*?)%; right: (.*?)%', page).groups() == ("12.5", "50.0")
    assert 'class="limit" style="left: 100.0%"' in page


def test_a_walk_has_the_values_of_the_gates_rounded(made):
    gates = made[1]
    found, (order, taus) = walk("name", gates), gates_of.memory(gates)
    assert found["num_units"] == 70 and found["units"] == order[:MAX_UNITS].tolist()
    numpy.testing.assert_allclose(found["taus"], taus[order[:MAX_UNITS]], atol=0.051)
    for gate in ("update", "reset"):
        values = getattr(gates, gate)
        numpy.testing.assert_allclose(
            numpy.transpose(found[gate]), values[:, order[:MAX_UNITS]], atol=0.00051
        )
        numpy.testing.assert_allclose(found[f"mean_{gate}"], values.mean(axis=1), atol=0.00051)
    assert "".join(token for group in Walk(found).words for _, token in group) == "".join(
        gates.text
    ).replace(" ", "\N{OPEN BOX}").replace("<unk>", "\N{REPLACEMENT CHARACTER}")


def test_of_a_long_text_the_page_has_the_beginning_and_says_so(tmp_path):
    from gluon_gru.gates.look import Look, document

    n = MAX_TOKENS + 10
    gates = gates_of.Gates(["a"] * n, numpy.ones((n, 3)), numpy.zeros((n, 3)), 0)
    found = walk("name", gates)
    assert len(found["tokens"]) == len(found["update"][0]) == len(found["mean_reset"]) == MAX_TOKENS
    assert found["taus"] == [None] * 3
    page = rendering.page(document("a" * n, Look(walks=[found]), "command"), {}).decode()
    assert "first 2,000 of\n    2,010 tokens" in page and "remembers for ever" in page


# The subcommand.


def run(capsys, *given):
    commands._run("gates", list(map(str, given)), "gluon-gru gates")
    return capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 2])
def test_gates_of_a_run_on_a_text_of_ones_own(tmp_path, capsys, layers):
    (tmp_path / "run").mkdir()
    pages.checkpoint(tmp_path / "run" / restore.IN_FOLDER, "Ab c.\n", layers)
    out = run(capsys, tmp_path / "run", "A bA", "--out", tmp_path / "new")
    assert str(tmp_path / "new" / "report.html") in out and "remembers" in out
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "report.md",
        "report.html",
        *(f"gates-{i + 1}.png" for i in range(layers)),
    }
    found = json.loads(run(capsys, tmp_path / "run", "A bA", "--json", "--out", tmp_path / "new"))
    # As it is: capitals are kept.
    assert [one["tokens"] for one in found["gates"]] == [["A", " ", "b", "A"]] * layers
    assert [one["layer"] for one in found["gates"]] == list(range(layers))


def test_a_text_is_folded_if_the_run_was_and_can_come_from_a_file(tmp_path, capsys):
    path = pages.checkpoint(tmp_path / "gru.safetensors", "abc é\n", case="fold")
    (tmp_path / "text.txt").write_text("A\nÉ b?", encoding="utf-8")
    found = json.loads(
        run(capsys, path, "--file", tmp_path / "text.txt", "--json", "--out", tmp_path / "new")
    )
    assert found["gates"][0]["tokens"] == ["a", "\n", "é", " ", "b", "<unk>"]


@pytest.mark.parametrize(
    "given, message",
    [
        ((), "gates reads one text"),
        (("a", "--file", "b"), "gates reads one text"),
        (("--file", "missing.txt"), "'missing.txt' can't be read"),
        (("?!",), "no token that"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(tmp_path, capsys, given, message):
    path = pages.checkpoint(tmp_path / "gru.safetensors", "abc")
    with pytest.raises(InputError, match=message):
        run(capsys, path, *given, "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()
