"""What trainings printed is read in every year's form, and judged as one draw with one decimal."""

import campaign
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import v4

from gluon_gru.notebook.results import Printed, Training, judged, printed
from gluon_gru.published.judging import WORDS

FORMS = (
    "Perplexity {:.1f}, {:.0f} tokens/sec on {}",
    "perplexity {:.1f}, {:.1f} tokens/sec on {}",
    "困惑度 {:.1f}, {:.1f} 词元/秒 {}",
    "困惑度 {:.1f}, {:.1f} 标记/秒 {}",
)


def cell(*texts, name="stdout"):
    return v4.new_code_cell(
        "train()", outputs=[v4.new_output("stream", name=name, text=text) for text in texts]
    )


@pytest.mark.campaign
@settings(max_examples=campaign.times(50))
@given(
    results=st.lists(
        st.tuples(
            st.sampled_from(FORMS),
            st.integers(10, 9999),
            st.integers(1, 999_999),
            st.sampled_from(["gpu(0)", "cpu(0)", "gpu(1)"]),
            st.text("abc ", max_size=50),
        ),
        max_size=3,
    ),
    cut=st.integers(0, 400),
)
def test_what_was_printed_is_read_in_every_form_and_however_the_stream_is_cut(results, cut):
    text = "epoch 1\n"
    for form, tenths, rate, device, written in results:
        text += form.format(tenths / 10, rate, device) + "\n"
        text += f"time traveller{written}\ntraveller{written}\n"
    found = printed(cell(text[:cut], text[cut:]))
    assert found == [
        Printed(
            tenths / 10,
            rate,
            device,
            {name: name + written for name in ("time traveller", "traveller")},
        )
        for _, tenths, rate, device, written in results
    ]


@pytest.mark.parametrize(
    "text",
    [
        "loss 0.024, 8000.0 tokens/sec on gpu(0)\n",
        "The book prints Perplexity 1.1, 9000 tokens/sec on gpu(0)\n",
        "epoch 40, perplexity 1.3, time 0.5 sec\n",
    ],
)
def test_other_lines_are_no_results(text):
    assert printed(cell(text)) == []


def test_errors_and_what_goes_to_stderr_are_no_results():
    line = FORMS[0].format(1.1, 9000, "gpu(0)")
    assert printed(cell(line, name="stderr")) == []
    error = v4.new_output("error", ename="E", evalue=line, traceback=[line])
    assert printed(v4.new_code_cell("x", outputs=[error])) == []


def test_a_result_may_have_no_texts_or_only_one():
    (none,) = printed(cell(FORMS[0].format(1.1, 9000, "gpu(0)")))
    assert none.texts == {}
    (one,) = printed(cell(FORMS[0].format(1.1, 9000, "gpu(0)") + "\nanother line\ntraveller x"))
    assert one.texts == {"traveller": "traveller x"}


def result(perplexity, rate=100.0, device="gpu(0)", text=" said filby what"):
    return Printed(perplexity, rate, device, {"traveller": f"traveller{text}"})


WHOLE = Training(500, 500)


def words(stored, now, training=WHOLE, books=True):
    done = judged(7, stored, now, training, "he said filby what reason", books)
    assert [verdict.claim for verdict in done.verdicts] == [
        f"cell-7/{quantity}" for quantity in ("perplexity", "tokens/sec", "continuation")
    ]
    return [verdict.verdict for verdict in done.verdicts], done.shares["traveller"]


@pytest.mark.parametrize(
    "stored, now, training, word",
    [
        (1.1, 1.1, WHOLE, "holds"),
        (1.1, 1.0, WHOLE, "too few runs to tell"),
        (1.0, 1.1, None, "too few runs to tell"),
        (1.1, 1.3, WHOLE, "does not hold"),
        (10.6, 10.7, Training(50, 50), "holds"),
        (10.6, 10.8, Training(50, 50), "does not hold"),
        (1.1, 1.1, Training(500, 2), "cut short"),
        (1.1, float("nan"), WHOLE, "does not hold"),
    ],
)
def test_a_perplexity_is_judged_by_its_printed_decimal(stored, now, training, word):
    (found, *_), _ = words(result(stored), result(now), training)
    assert found == word and word in WORDS


@pytest.mark.parametrize(
    "then, now, rates, word",
    [
        ("gpu(0)", "cpu(0)", (100, 200), "other hardware"),
        ("cpu(0)", "cpu(0)", (100, 200), "other hardware"),
        ("gpu(0)", "gpu(0)", (100, 200), "faster"),
        ("gpu(0)", "gpu(0)", (200, 100), "slower"),
    ],
)
def test_a_rate_is_judged_on_a_gpu_only(then, now, rates, word):
    (_, found, _), _ = words(result(1.1, rates[0], then), result(1.1, rates[1], now))
    assert found == word


def test_texts_stand_side_by_side_with_what_is_verbatim():
    (*_, found), shares = words(result(1.1), result(1.1, text=" said nothing of it"))
    assert (found, shares) == ("side by side", (1.0, 0.0))


def test_nothing_is_compared_on_another_text_or_where_nothing_was_printed():
    found, shares = words(result(1.1), result(1.1), books=False)
    assert found == ["not comparable: other corpus"] * 3 and shares == (None, 1.0)
    found, shares = words(result(1.1), None, training=None)
    assert found == ["not measured"] * 3 and shares == (1.0, None)
