"""What ``gluon-gru train`` says before it starts."""

import pytest

from gluon_gru.cli.train import tell_plan
from gluon_gru.own_texts.plan import Plan
from gluon_gru.own_texts.settings import filled


def told(capsys, seconds=12.34, epochs_done=0.0, tokens=20_000, **given):
    tell_plan(Plan(filled(given, tokens, 55), 177_207, 55, tokens, 2_000, epochs_done, seconds))
    return capsys.readouterr().err


def test_the_choices_are_three_lines_in_a_file(capsys):
    assert told(capsys) == (
        "model     gru-after, 2 layers of 128 units: 177,207 parameters\n"
        "text      20,000 characters to train on, 2,000 held out; a vocabulary of 55\n"
        "training  up to 40 epochs, about 12 seconds on this machine; sooner if the held-out part "
        "is predicted no better\n\n"
    )


@pytest.mark.parametrize(
    "seconds, said",
    [
        (0.1, "about 1 second on"),
        (99, "about 99 seconds on"),
        (125, "about 2.1 minutes on"),
        (1234, "about 21 minutes on"),
        (8000, "about 2.2 hours on"),
    ],
)
def test_times_are_about_what_they_are(capsys, seconds, said):
    assert said in told(capsys, seconds)


def test_the_rest_of_a_run_begins_where_it_was_stopped(capsys):
    assert "training  from epoch 28 to 30, about 12 seconds" in told(
        capsys, epochs_done=28.0, epochs=30
    )


def test_a_single_layer_and_a_single_epoch_are_told_as_such(capsys):
    said = told(capsys, num_layers=1, epochs=1)
    assert "a layer of 128 units" in said and "up to 1 epoch, about" in said
    assert "up to 0.33 epochs, about" in told(capsys, epochs=1 / 3)
    assert "up to 12,345 epochs, about" in told(capsys, epochs=12345)
