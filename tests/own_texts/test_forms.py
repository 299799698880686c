"""A model reads the same text alike, however it was typed: as prefix, to score, to see its gates."""

import dataclasses
import unicodedata

import pytest
from toy_texts import SMALL

from gluon_gru import own_texts
from gluon_gru.errors import InputError
from gluon_gru.gates.look import look
from gluon_gru.runs import checkpoint

VIETNAMESE = "Tiếng Việt có dấu. Đất nước ta đẹp.\n" * 30
ARABIC = "العَرَبِيَّة لُغَةٌ جَمِيلَة\n" * 60


def typed(text, form):
    """Return a text in a form, with the mark and the ends of lines of another system."""
    return "\ufeff" + unicodedata.normalize(form, text).replace("\n", "\r\n")


@pytest.fixture(scope="module", params=["NFC", "NFD"])
def run(request, tmp_path_factory):
    """Return the folder of a run on a text in a form, and the form."""
    folder = tmp_path_factory.mktemp(request.param)
    text = unicodedata.normalize(request.param, VIETNAMESE)
    (folder / "text.txt").write_text(text, encoding="utf-8")
    own_texts.train(folder / "text.txt", folder / "run", **SMALL)
    return folder / "run", request.param


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_prefixes_scores_and_gates_are_those_of_the_models_form(tmp_path, no_pictures, run, form):
    folder, own = run
    prefix = typed("Tiếng\n", form)
    written = "".join(own_texts.generate(folder, prefix, 5, seed=1))
    assert written.startswith(unicodedata.normalize(own, "Tiếng\n")) and "\r" not in written
    path = tmp_path / "text.txt"
    path.write_bytes(typed(VIETNAMESE, form).encode("utf-16"))
    score = own_texts.evaluate(folder, path, "utf-16")
    assert score.num_unknown == 0 and score == own_texts.evaluate(folder, folder / "../text.txt")
    seen = look(tmp_path / "gates", {"it": folder}, prefix)
    assert "".join(seen.walks[0]["tokens"]) == unicodedata.normalize(own, "Tiếng\n")


def test_a_model_of_no_form_names_the_one_that_a_prefix_lacks(tmp_path, run):
    folder, own = run
    saved = checkpoint.load(folder / "model.safetensors")
    older = {**saved.config, "text": {"tokens": "characters", "case": "keep"}}
    dataclasses.replace(saved, config=older).save(tmp_path / "older.safetensors")
    other = {"NFC": "NFD", "NFD": "NFC"}[own]
    for prefix in ("Tiếng", "Tiếng Việt"):
        with pytest.raises(InputError, match=f"it knows the prefix in Unicode's form {own}, so"):
            own_texts.generate(tmp_path / "older.safetensors", unicodedata.normalize(other, prefix))


def test_words_have_their_marks(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(ARABIC, encoding="utf-8")
    record = own_texts.train(path, tmp_path / "run", tokens="words", **SMALL)
    assert record["text"]["vocab_size"] == 1 + 3 + 1
    prefix, *_ = own_texts.generate(tmp_path / "run", "العَرَبِيَّة", 3)
    assert prefix == "العَرَبِيَّة"


def test_a_run_keeps_its_encoding_when_it_goes_on(tmp_path):
    path, kept = tmp_path / "text.txt", tmp_path / "run"
    path.write_bytes(VIETNAMESE.encode("utf-16"))
    with pytest.raises(InputError, match="looks like utf_16: name that"):
        own_texts.train(path, kept, **SMALL)
    whole = own_texts.train(path, kept, encoding="utf-16", **SMALL)
    assert own_texts.train(path, kept, resume=True)["rounds"] == whole["rounds"]
    with pytest.raises(InputError, match="its encoding is 'utf-16', not 'utf-16-le'"):
        own_texts.train(path, kept, resume=True, encoding="utf-16-le")
