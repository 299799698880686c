"""The report says what the results hold."""

import io
import re

import pytest
import tiny
from matplotlib.image import imread

from gluon_gru.report.markdown import markdown as rendered
from gluon_gru.report.pictures import pictures
from gluon_gru.studies.reproduce import report
from gluon_gru.studies.reproduce import study as experiments
from gluon_gru.text.corpus import SAMPLE

# The reproduction that they look at takes seconds.
pytestmark = pytest.mark.slow

MODELS = {"gru-scratch": "GRU from scratch", "gru-concise": "GRU concise (rnn.GRU)"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "CLAIMS", tiny.claims())
        return experiments.reproduce(
            tmp_path_factory.mktemp("out"),
            num_seeds=2,
            device="cpu",
            corpus=SAMPLE,
            command="python scripts/reproduce.py",
        )


def markdown(results):
    return rendered(report.document(results))


def test_the_table_has_a_row_a_claim_with_reported_measured_and_verdict(results):
    table = report.table(results)
    for verdict in results["verdicts"]:
        assert verdict["claim"] in table
    assert re.search(r"chapter-scratch/perplexity\s+1\.1 ±\s+\d+\.\d{3}", table)
    assert "14,693" in table and "median" in table
    assert max(map(len, table.splitlines())) <= 80


def test_claims_that_were_not_measured_are_listed_as_such(results):
    part = {
        **results,
        "verdicts": [
            {
                **verdict,
                "figures": {"measured": [], "epochs": 0},
                "evidence": "",
                "verdict": "not measured",
            }
            for verdict in results["verdicts"]
        ],
    }
    assert report.table(part).count("not measured") == len(results["verdicts"])
    assert "not measured" in markdown(part)


def test_the_report_shows_every_text_published_and_generated(results):
    text = markdown(results)
    for run in results["runs"][:2]:
        for texts in run["continuations"].values():
            for one in texts:
                assert f"`{one}`" in text
    for prefix in ("time travellere the the", "traveller convence but"):
        assert prefix in text


def test_the_report_says_loudly_what_it_was_trained_on_and_how(results):
    text = markdown(results)
    assert "**NOT the book's corpus" in text
    assert results["text"]["sha1"] in text
    assert "variance" in text and "standard deviation of 0.01" in text
    for value in results["invocations"][0]["environment"].values():
        assert str(value) in text


def test_rows_of_markdown_tables_have_as_many_cells_as_their_heads(results):
    for block in markdown(results).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


def test_pictures_are_pngs_with_something_drawn(results):
    drawn = pictures(report.document(results).blocks)
    assert list(drawn) == ["perplexity.png", "throughput.png"]
    for png in drawn.values():
        pixels = imread(io.BytesIO(png), format="png")
        assert pixels.shape[0] > 300 and pixels.shape[1] > 600
        assert pixels.std() > 0.05


def test_pictures_can_be_drawn_of_a_part_of_the_claims(results):
    part = {**results, "runs": results["runs"][:1], "verdicts": results["verdicts"][6:9]}
    part["models"] = {part["runs"][0]["model"]: "GRU"}
    for png in pictures(report.document(part).blocks).values():
        assert png.startswith(b"\x89PNG")
