"""The report says what the results hold."""

import io
import re

import pytest
import tiny
from matplotlib.image import imread

from gluon_gru.report import pictures as plots
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


def test_the_table_has_a_row_a_claim_with_reported_measured_and_verdict(results):
    table = report.table(results)
    for verdict in results["verdicts"]:
        assert verdict["claim"] in table
    assert re.search(
        r"chapter-scratch/perplexity\s+1\.1 ± 0\.05\s+\d+\.\d{3} \(\d+\.\d{3} to", table
    )
    assert "14,693 on gpu(0)" in table and "median epoch" in table


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
    assert "not measured" in report.markdown(part)


def test_the_report_shows_every_text_published_and_generated(results):
    markdown = report.markdown(results)
    for run in results["runs"][:2]:
        for texts in run["continuations"].values():
            for text in texts:
                assert f"`{text}`" in markdown
    for prefix in ("time travellere the the", "traveller convence but"):
        assert prefix in markdown


def test_the_report_says_loudly_what_it_was_trained_on_and_how(results):
    markdown = report.markdown(results)
    assert "**NOT the book's corpus" in markdown
    assert results["text"]["sha1"] in markdown
    assert "variance" in markdown and "standard deviation of 0.01" in markdown
    for value in results["invocations"][0]["environment"].values():
        assert str(value) in markdown


def test_rows_of_markdown_tables_have_as_many_cells_as_their_heads(results):
    for block in report.markdown(results).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize("draw", [plots.perplexity_by_epoch, plots.throughput])
def test_pictures_are_pngs_with_something_drawn(results, draw):
    pixels = imread(io.BytesIO(draw(results)), format="png")
    assert pixels.shape[0] > 300 and pixels.shape[1] > 600
    assert pixels.std() > 0.05


def test_pictures_can_be_drawn_of_a_part_of_the_claims(results):
    part = {**results, "runs": results["runs"][:1], "verdicts": results["verdicts"][6:9]}
    for draw in (plots.perplexity_by_epoch, plots.throughput):
        assert draw(part).startswith(b"\x89PNG")
