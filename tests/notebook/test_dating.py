"""A notebook's edition of the text is told by the surest sign that it has."""

import pytest
from nbformat import v4

from gluon_gru.notebook.dating import date
from gluon_gru.published.runs import published_runs

OLD = "return [re.sub('[^A-Za-z]+', ' ', line.strip().lower())\n        for line in lines]"
NEW = "return [re.sub('[^A-Za-z]+', ' ', line).strip().lower() for line in lines]"
TEXTS = {"2019": "said filby  what reason said", "2020-09": "said filbywhat reason said"}


def notebook(source, printed=""):
    stream = [v4.new_output("stream", text=printed)] if printed else []
    return v4.new_notebook(cells=[v4.new_code_cell(source, outputs=stream)])


def lines(text, perplexity=7.7):
    return f"perplexity {perplexity}, 12.0 tokens/sec on gpu(0)\ntime traveller\ntraveller{text}\n"


@pytest.mark.parametrize(
    "source, printed, edition, why",
    [
        (f"import d2l\n{NEW}", "171489", "2020-09", "read_time_machine"),
        (f"from d2l import mxnet as d2l\n{OLD}", "170580", "2019", "read_time_machine"),
        ("import d2l", "(170580, 28)", "2020-09", "170580 characters"),
        ("device = d2l.try_gpu()", "(171489, 28)", "2019", "171489 characters"),
        ("device = d2l.try_gpu()", lines(" a  b"), "2019", "double spaces"),
        ("ctx = d2l.try_gpu()", lines(" said filbywhat reason"), "2020-09", "passages"),
        ("device = d2l.try_gpu()", lines("hat reason said"), "2020-09", "device"),
        ("!pip install mxnet-cu101==1.7.0", "", "2020-09", "versions"),
        ("!pip install d2l==0.17.0\nctx = 1", "", "2020-09", "versions"),
        ("!pip install mxnet-cu101mkl==1.6.0\ndevice = 1", "", "2019", "versions"),
        ("from mxnet import np\nfrom d2l import mxnet as d2l", "", "2020-09", "before d2l"),
        ("import d2l\ndevice = 1", "", "2019", "without a framework"),
        ("from d2l import mxnet as d2l\nctx = 1", "", "2019", "ctx"),
        ("print(1)", "", "2019", "nothing tells"),
    ],
)
def test_signs_in_the_order_of_their_sureness(source, printed, edition, why):
    found, reason = date(notebook(source, printed), TEXTS)
    assert found == edition and why in reason


def test_results_that_a_build_printed_date_the_notebook():
    for run in published_runs()[::40]:
        printed = (
            f"perplexity {run.perplexity}, {run.tokens_per_sec} tokens/sec on gpu(0)\n"
            f"{run.time_traveller}\n{run.traveller}\n"
        )
        found, why = date(notebook("x", printed), {})
        assert found == run.edition and "results are those of the build of" in why


def test_without_the_book_s_text_its_passages_tell_nothing():
    assert date(notebook("device = 1", lines(" said filby what reason")), {})[1].startswith(
        "it says"
    )
