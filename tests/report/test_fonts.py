"""Signs that Matplotlib's font lacks: another font's, or escaped; never boxes, never a warning."""

import io
import warnings

import numpy
import pytest
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from matplotlib.image import imread

from gluon_gru.report import fonts
from gluon_gru.report.document import Curve, Curves
from gluon_gru.report.pictures import pictures


def has(font, sign):
    return bool(FT2Font(font_manager.findfont(font)).get_char_index(ord(sign)))


# A sign that of Matplotlib's fonts only STIX has.
STIX = next(chr(code) for code in range(0x1D49C, 0x1D4FF) if has("STIXGeneral", chr(code)))
NOWHERE = "\U0010fffd"


@pytest.fixture(autouse=True)
def only_matplotlibs(monkeypatch):
    own = [font for font in font_manager.fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    fonts._fonts.cache_clear()
    yield
    fonts._fonts.cache_clear()


def drawn(title):
    block = Curves(title, "a.png", [Curve("a", [[1, 2]])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return imread(io.BytesIO(pictures([block])["a.png"]))


def test_another_font_is_taken_for_what_the_own_one_lacks():
    assert not has("DejaVu Sans", STIX)
    assert fonts.drawable(f"a {STIX} é") == f"a {STIX} é"
    with fonts.having(f"a {STIX}"):
        from matplotlib import rcParams

        assert rcParams["font.family"][0] == "DejaVu Sans" and len(rcParams["font.family"]) == 2
    assert not numpy.array_equal(drawn(f"a {STIX}"), drawn(f"a {chr(ord(STIX) + 2)}"))


def test_what_no_font_has_is_escaped():
    assert fonts.drawable(f"a{NOWHERE}é\udce7") == "a\\U0010fffdé\\udce7"
    assert numpy.array_equal(drawn(f"a{NOWHERE}"), drawn("a\\U0010fffd"))
