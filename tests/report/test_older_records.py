"""Reports are made of the records that version 0.1.0 wrote, too."""

import pathlib

import pytest

from gluon_gru.report import write
from gluon_gru.runs import record
from gluon_gru.studies.exercises import answering
from gluon_gru.studies.exercises import report as exercises
from gluon_gru.studies.reproduce import report as reproduction
from gluon_gru.studies.sweep import report as sweep

WRITTEN = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"

DOCUMENTS = {
    "reproduce": lambda folder: reproduction.document(read(folder / "results.json")),
    "sweep": lambda folder: sweep.document(read(folder / "sweep.json")),
    "exercises": lambda folder: exercises.document(answering.recorded(folder), folder),
}


def read(path):
    return record.read(path).as_json()


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_an_older_record_still_has_a_report(kind, tmp_path, no_pictures):
    document = DOCUMENTS[kind](WRITTEN / kind)
    write(document, tmp_path)
    text, page = ((tmp_path / f"report.{end}").read_text("utf-8") for end in ("md", "html"))
    assert "0eaee440ca98b19e54c07a3747a1cea990e1f888" in text and "**NOT the book's" in text
    assert document.title in text and "0eaee440" in page
