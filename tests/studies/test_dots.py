"""The picture of published and measured perplexities."""

import io

import numpy
from matplotlib import image

from gluon_gru.published.claims import CLAIMS
from gluon_gru.studies.reproduce.dots import picture


def dots(measured, claim="book-2019-gru-scratch/perplexity"):
    """Return how many pixels of the picture are of the model's colour."""
    of = next(one for one in CLAIMS if one.id == claim)
    verdict = {"verdict": "holds", "figures": {"measured": measured, "p": 0.5}}
    pixels = image.imread(io.BytesIO(picture("title", [(of, verdict)])))[:, :, :3]
    colour = numpy.array([0x00, 0x72, 0xB2]) / 255
    return (abs(pixels - colour).max(2) < 0.02).sum()


def test_every_seed_is_a_dot_of_the_models_colour_and_equal_ones_do_not_hide_each_other():
    none, one, five, twelve = (dots([1.061] * number) for number in (0, 1, 5, 12))
    dot = one - none
    assert dot > 20 and none > 20
    assert abs(five - none - 5 * dot) < dot and abs(twelve - none - 12 * dot) < 2 * dot


def test_a_perplexity_beyond_the_edge_is_drawn_at_it():
    assert dots([1.061, 6.5]) > dots([1.061])
