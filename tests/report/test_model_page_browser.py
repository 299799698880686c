"""The page of a model in a real browser: what it computes is what the model does, and all can use it."""

import pathlib
import re

import browsing
import numpy
import pytest
from toy_texts import SMALL, write_toy

from gluon_gru import own_texts
from gluon_gru.cells import CELLS
from gluon_gru.convert import model_page
from gluon_gru.convert.rounding import in_half
from gluon_gru.convert.weights import taken_apart
from gluon_gru.engine.layout import model_shapes
from gluon_gru.own_texts.model import load_trained
from gluon_gru.own_texts.writing import opening
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.training.learner import learner_from

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"
RUNS = sorted(path.parent.name for path in OLDER.glob("own_texts/*/model.safetensors"))
CHECKPOINTS = sorted(
    path.stem for path in OLDER.glob("checkpoints/*.safetensors") if "bidir" not in path.stem
)
MARKUP = "</script><img src=x onerror=alert(1)>'\"`&lt;\x01\u202e\ud800"

pytestmark = pytest.mark.slow

# The logits after each token of a text.
_LOGITS = """tokens => {
  let state = model.zeros;
  return tokens.map(token => {
    ({ state } = model.step(token, state));
    return [...model.logits(state)];
  });
}"""


def write(path, run, precision="float32", name="mine"):
    """Write a run's page with weights of a precision; return the learner of those, and the vocab."""
    learner, vocab, config = load_trained(run)
    params = learner.params()
    data = model_page.to_bytes(
        name, taken_apart(params, config), vocab, config, opening(vocab), precision
    )
    path.write_bytes(data)
    if precision == "float16":
        params = {k: in_half(array).astype(numpy.float32) for k, array in params.items()}
    return learner_from(params, config), vocab


def random_model(path, cell, num_layers, num_hiddens=7, tokens=("<unk>", *"abcdefg\n")):
    """Write a checkpoint of random weights for a cell of Gluon's; return its path."""
    rng = numpy.random.default_rng(num_layers)
    shapes = model_shapes(cell, len(tokens), num_hiddens, num_layers)
    config = {
        "model": "RNNModel",
        "cell": cell,
        "on_engine": True,
        "vocab_size": len(tokens),
        "num_hiddens": num_hiddens,
        "num_layers": num_layers,
        "directions": 1,
        "dropout": 0.0,
        "text": {"tokens": "characters", "case": "keep"},
    }
    params = {k: rng.uniform(-0.5, 0.5, shape).astype(numpy.float32) for k, shape in shapes.items()}
    Checkpoint(params, config, list(tokens)).save(path)
    return path


@pytest.fixture(scope="module")
def view(browser):
    """Return a function that opens a file in one and the same tab; ``.wrong`` is what goes wrong."""
    page = browser.new_page()
    wrong = browsing.watched(page)

    def open_page(path, width=1280, scheme="light"):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.goto(path.as_uri())
        return page

    yield open_page
    assert wrong == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the run of a small model of two layers that has learned a little."""
    folder = tmp_path_factory.mktemp("trained")
    own_texts.train(write_toy(folder), folder / "run", **{**SMALL, "num_layers": 2})
    return folder / "run"


@pytest.fixture
def page(view, trained, tmp_path):
    """Return the page of that model, as the browser shows it at first."""
    write(tmp_path / "model.html", trained)
    return view(tmp_path / "model.html")


def settled(page):
    """Wait until the page has read what was typed, or written what was asked for."""
    page.locator("#go", has_text="Go on").wait_for()
    page.locator("#summary", has_text=re.compile(r"\d token|^$")).wait_for()


def go_on(page, **values):
    for name, value in values.items():
        page.fill(f"#{name.replace('_', '-')}", str(value))
    before = page.input_value("#box")
    page.click("#go")
    settled(page)
    after = page.input_value("#box")
    assert after.startswith(before)
    return after


def assert_same_logits(page, learner, vocab):
    tokens = numpy.random.default_rng(0).integers(0, len(vocab), 40).tolist()
    found, read = numpy.array(page.evaluate(_LOGITS, tokens)), learner.reader()
    expected = numpy.array([read([token]) for token in tokens])
    assert found.shape == expected.shape
    numpy.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
    return expected


@pytest.mark.parametrize("precision", model_page.PRECISIONS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.fused_layer])
def test_the_logits_of_every_cell_are_the_models(view, tmp_path, cell, num_layers, precision):
    run = random_model(tmp_path / "m.safetensors", cell, num_layers)
    learner, vocab = write(tmp_path / "model.html", run, precision)
    logits = assert_same_logits(view(tmp_path / "model.html"), learner, vocab)
    # The tokens matter.
    assert numpy.ptp(logits, axis=0).max() > 0.05


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_logits_of_every_checkpoint_are_the_models(view, tmp_path, name):
    run = OLDER / "checkpoints" / f"{name}.safetensors"
    learner, vocab = write(tmp_path / "model.html", run)
    assert_same_logits(view(tmp_path / "model.html"), learner, vocab)


@pytest.mark.parametrize("run", RUNS)
def test_the_greedy_text_is_the_models(view, tmp_path, command, run):
    prefix = "the cat" if run == "words" else "The c"
    run = OLDER / "own_texts" / run
    done = command("page", run, "--out", tmp_path / "model.html")
    assert done.returncode == 0, done.stderr
    page = view(tmp_path / "model.html")
    page.fill("#box", prefix)
    _, *expected = own_texts.generate(run, prefix, 200, 0)
    assert go_on(page, length=200, temperature=0) == prefix + "".join(expected)


@pytest.mark.parametrize("prefix", ["The dog ", ""])
def test_the_greedy_text_of_two_layers_is_the_models(page, trained, prefix):
    page.fill("#box", prefix)
    expected = "".join(own_texts.generate(trained, prefix, 200, 0))
    assert go_on(page, length=200, temperature=0) == expected
