"""The page of a model in a real browser: what it computes is what the model does, and all can use it."""

import dataclasses
import json
import pathlib
import random
import re

import browsing
import numpy
import pytest
import tiny
from toy_texts import SMALL, write_toy

from gluon_gru import own_texts
from gluon_gru.cells import CELLS
from gluon_gru.convert import model_page
from gluon_gru.convert.rounding import in_half
from gluon_gru.convert.weights import taken_apart
from gluon_gru.engine.layout import model_shapes
from gluon_gru.own_texts.model import load_trained
from gluon_gru.own_texts.writing import opening
from gluon_gru.runs.checkpoint import Checkpoint, load
from gluon_gru.text.corpus import SAMPLE
from gluon_gru.text.rules import Rules
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.learner import learner_from

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"
RECORDED = pathlib.Path(__file__).parents[2] / "results" / "pages" / "model.html"
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
    stages = {name: taken_apart(params, config)}
    data = model_page.to_bytes(name, stages, vocab, config, opening(vocab), precision)
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
    """Return a function that opens a file in one and the same tab, without the model's own text."""
    page = browser.new_page()
    wrong = browsing.watched(page)

    def open_page(path, width=1280, scheme="light", cleared=True):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.goto(path.as_uri())
        if cleared:
            page.locator("#box").evaluate("""box => {
              box.value = "";
              box.dispatchEvent(new Event("input"));
            }""")
        return page

    yield open_page
    assert wrong == []


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """Return the page of a small reproduction, and a function that gives a stage's learner."""
    from gluon_gru.studies.reproduce import learning, study

    folder = tmp_path_factory.mktemp("learnt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "CLAIMS", tiny.claims(20))
        study.reproduce(folder, ["chapter-scratch"], corpus=SAMPLE, device="cpu")
    is_half = '"precision":"float16"' in (folder / learning.PAGE).read_text(encoding="utf-8")

    def learner(epoch):
        (file,) = (folder / "checkpoints").glob(f"*-epoch{epoch}.safetensors")
        saved = load(file)
        params = {
            name: in_half(array).astype(numpy.float32) if is_half else array
            for name, array in saved.params.items()
        }
        return learner_from(params, saved.config), Vocab.of(saved.vocab)

    return folder / learning.PAGE, learner


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
    page.locator("#read[aria-busy=false]").wait_for(state="attached")
    page.locator("#go", has_text="Continue").wait_for()


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


def test_every_cell_has_its_equations(page):
    assert page.evaluate("Object.keys(CELLS)") == list(CELLS)


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


STAGES = {"after 1 epoch": 1, "after 10 epochs": 10, "after 20 epochs": 20}


def test_each_stage_predicts_what_the_model_did_after_that_epoch(view, learnt):
    path, learner = learnt
    page = view(path)
    assert page.get_by_role("radio", name="after 20 epochs").is_checked()
    text = "the time traveller"
    page.fill("#box", text)
    shown = []
    for name, epoch in [*STAGES.items(), *reversed(STAGES.items())]:
        page.get_by_role("radio", name=name, exact=True).check()
        settled(page)
        model, vocab = learner(epoch)
        assert_same_logits(page, model, vocab)
        # What was read before is read again by this model.
        found = page.evaluate("steps.slice(1).map(step => step.bits)")
        numpy.testing.assert_allclose(found, bits_of(model, vocab, text), atol=1e-4)
        assert page.input_value("#box") == text
        shown.append((bars(page), page.inner_text("#summary")))
    assert shown[:3] == shown[5:2:-1] and len(set(map(str, shown))) == 3


def test_a_stage_is_chosen_by_keyboard_and_ends_what_another_writes(view, learnt):
    page = view(learnt[0])
    page.fill("#length", "4000")
    page.click("#go")
    page.locator("#go", has_text="Stop").wait_for()
    page.focus("[name=stage]:checked")
    page.keyboard.press("ArrowLeft")
    settled(page)
    assert page.get_by_role("radio", name="after 10 epochs").is_checked()
    written = page.input_value("#box")
    assert 0 < len(written) < 4000 and page.locator(".token").count() == len(written)
    # The other model takes back, and goes on with, what this one has written.
    page.click("#back")
    assert page.input_value("#box") == ""
    page.focus("#box")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.value") == "1"


def test_the_stages_have_names_and_a_page_of_one_model_has_none(view, learnt, trained, tmp_path):
    page = view(learnt[0])
    assert page.get_by_role("group", name="The model").get_by_role("radio").count() == 3
    write(tmp_path / "model.html", trained)
    assert view(tmp_path / "model.html").get_by_role("radio").count() == 0


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_stages_are_in_sight_and_stand_out(view, learnt, width, scheme):
    page = view(learnt[0], width, scheme)
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for stage in page.locator(".stages label").all():
        box = stage.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] >= 32
    found = page.evaluate(browsing.CONTRASTS)
    assert found[0][0] >= 4.5, found[:5]
    # Wherever the page is scrolled to.
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    box = page.locator(".stages").bounding_box()
    assert page.evaluate("window.scrollY") > 0 and 0 <= box["y"] < 50


def mulberry32(seed):
    """Yield the generator's numbers, as its author wrote it down."""
    while True:
        seed = (seed + 0x6D2B79F5) % 2**32
        t = (seed ^ seed >> 15) * (seed | 1) % 2**32
        t ^= (t + (t ^ t >> 7) * (t | 61)) % 2**32
        yield (t ^ t >> 14) / 2**32


def test_a_seed_a_temperature_and_a_top_k_say_what_is_drawn(page, trained):
    learner, vocab, _ = load_trained(trained)
    random, read, tokens, expected = mulberry32(7), learner.reader(), vocab[list("The c")], "The c"
    for _ in range(100):
        logits = read(tokens).astype(float)
        logits[vocab.unk] = -numpy.inf
        best = numpy.argsort(-logits, kind="stable")[:5]
        sums = numpy.exp((logits[best] - logits[best[0]]) / 0.9).cumsum()
        tokens = [int(best[numpy.searchsorted(sums, next(random) * sums[-1], side="right")])]
        expected += vocab.idx_to_token[tokens[0]]
    page.fill("#box", "The c")
    assert go_on(page, length=100, temperature=0.9, top_k=5, seed=7) == expected
    page.click("#back")
    assert page.input_value("#box") == "The c" and page.locator("#back").is_disabled()
    assert go_on(page, length=100, temperature=0.9, top_k=5, seed=8) != expected
    page.click("#back")
    assert go_on(page, length=100, temperature=0.9, top_k=5, seed=7) == expected


def test_what_is_typed_is_never_taken_back(page):
    page.fill("#box", "The cat")
    go_on(page, length=5)
    page.type("#box", "!")
    settled(page)
    assert page.locator("#back").is_disabled()


def test_the_model_goes_on_when_all_of_a_long_text_is_read(page):
    text = "The cat sees a dog.\n" * 100
    # Both at once, before the text can have been read.
    page.evaluate(
        """text => {
      box.value = text;
      box.dispatchEvent(new Event("input"));
      element("length").value = 3;
      element("go").click();
    }""",
        text,
    )
    page.wait_for_timeout(50)
    page.locator("#summary", has_text="2003 tokens").wait_for()
    settled(page)
    assert page.input_value("#box").startswith(text) and len(page.input_value("#box")) == 2003


def test_the_page_opens_with_a_text_of_the_models_that_can_be_taken_back(view, trained, tmp_path):
    write(tmp_path / "model.html", trained)
    page = view(tmp_path / "model.html", cleared=False)
    settled(page)
    begun = page.input_value("#box")
    assert page.text_content("#summary").startswith("100 tokens")
    page.click("#back")
    assert page.input_value("#box") == ""
    # The settings that the page shows are those that it began with.
    go_on(page, length=100)
    assert page.input_value("#box") == begun


def test_writing_can_be_stopped_and_typing_stops_it(page):
    page.fill("#length", "4000")
    for stop in (lambda: page.click("#go"), lambda: page.press("#box", "End"), None):
        page.fill("#box", "The cat")
        page.click("#go")
        page.locator("#go", has_text="Stop").wait_for()
        if stop is None:
            page.fill("#box", "A")
        else:
            stop()
            page.type("#box", "x")
        settled(page)
        kept = page.input_value("#box")
        page.wait_for_timeout(50)
        assert page.input_value("#box") == kept and len(kept) < 4000


def bits_of(learner, vocab, text):
    """Return the surprise of each token of a text but the first, in bits."""
    tokens, read, bits = vocab[list(text)], learner.reader(), []
    for before, token in zip(tokens, tokens[1:]):
        logits = read([before]).astype(float)
        bits.append((numpy.logaddexp.reduce(logits) - logits[token]) / numpy.log(2))
    return bits


def test_each_character_has_its_surprise_as_one_types(page, trained, tmp_path):
    learner, vocab, _ = load_trained(trained)
    text = "The cat sees\na q!"
    page.type("#box", text)
    settled(page)
    assert page.locator(".token").all_inner_texts() == list(
        text.replace(" ", "␣").replace("\n", "↵")
    )
    labels = page.locator(".token").evaluate_all("all => all.map(e => e.ariaLabel)")
    bits = bits_of(learner, vocab, text)
    assert labels[0] == "“T”, nothing before it"
    assert [label.split(", ")[1] for label in labels[1:]] == [f"{value:.1f} bits" for value in bits]
    shades = page.locator(".token").evaluate_all(
        "all => all.map(e => +e.style.getPropertyValue('--s'))"
    )
    full = numpy.log2(len(vocab))
    numpy.testing.assert_allclose(shades[1:], numpy.minimum(numpy.array(bits) / full, 1), atol=6e-4)
    assert max(shades) > 3 * min(shades[1:])
    # What is typed in the middle changes what comes after it.
    page.evaluate("box.setSelectionRange(3, 3)")
    page.type("#box", "y")
    settled(page)
    changed = bits_of(learner, vocab, "They cat sees\na q!")
    found = page.evaluate("steps.slice(1).map(step => step.bits)")
    numpy.testing.assert_allclose(found, changed, atol=1e-4)
    (tmp_path / "text.txt").write_text("They cat sees\na q!")
    perplexity = own_texts.evaluate(trained, tmp_path / "text.txt").perplexity
    assert page.inner_text("#summary") == (
        f"18 tokens: {numpy.mean(changed):.2f} bits each, perplexity {perplexity:.4g}"
    )


def expected_bars(learner, vocab, tokens):
    logits = learner.reader()(tokens).astype(float)
    chances = numpy.exp(logits - numpy.logaddexp.reduce(logits))
    best = numpy.argsort(-chances, kind="stable")[:10]
    visible = {" ": "␣", "\n": "↵"}
    return [
        (visible.get(vocab.idx_to_token[i], vocab.idx_to_token[i]), f"{100 * chances[i]:.1f}%")
        for i in best
        if chances[i] >= 0.001
    ]


def bars(page):
    rows = page.locator("#bars li").all_inner_texts()
    found = [re.split(r"\s*\n\s*", row.strip()) for row in rows]
    return [(words[0].replace(" came", ""), words[-1]) for words in found]


def test_the_bars_are_what_the_model_expects_where_the_cursor_is(page, trained):
    learner, vocab, _ = load_trained(trained)
    assert page.inner_text("#where") == "At the beginning:"
    expected = expected_bars(learner, vocab, [opening(vocab)])
    assert bars(page)[: len(expected)] == expected
    page.fill("#box", "The cat q")
    settled(page)
    for keys, place, where in (
        ((), 9, "After “q”, the last token:"),
        (("ArrowLeft",), 8, "In place of “q”, token 9 of 9:"),
        (("ArrowLeft", "ArrowLeft", "ArrowLeft"), 5, "In place of “a”, token 6 of 9:"),
    ):
        for key in keys:
            page.press("#box", key)
        page.locator("#where", has_text=where).wait_for()
        expected = expected_bars(learner, vocab, vocab[list("The cat q")[:place]])
        assert bars(page)[: len(expected)] == expected
    assert page.locator("#bars .came").inner_text().split()[0] == "a"
    # What came is there though it isn't among the likeliest.
    page.hover("[data-place='8']")
    assert page.locator("#bars li").count() == 11
    assert page.locator("#bars .came .what").inner_text() in ("<unk> came", "q came")
    page.hover("h1")
    assert page.inner_text("#where") == "In place of “a”, token 6 of 9:"


@pytest.mark.parametrize("cell", ["gru_after", "lstm", "rnn_tanh"])
def test_the_gates_of_the_chosen_unit_are_under_the_text(view, tmp_path, cell):
    # Weights of zero but for some biases: the gates are the same whatever is read.
    run = random_model(tmp_path / "m.safetensors", cell, 2)
    learner, vocab, config = load_trained(run)
    row, params = CELLS[cell], {k: 0 * array for k, array in learner.params().items()}
    values = {gate: 0.5 + 0.4 * i for i, gate in enumerate(row.gates)}
    for i, gate in enumerate(row.gluon):
        # Of unit 3 in the upper layer.
        params["rnn.l1_i2h_bias"][i * 7 + 3] = values[gate]
    Checkpoint(params, config, vocab.idx_to_token).save(run)
    write(tmp_path / "model.html", run)
    page = view(tmp_path / "model.html")
    page.fill("#box", "abc")
    settled(page)
    shown = [gate for gate in row.gates if gate not in ("candidate", "hidden")]
    assert page.locator(".token .gate").count() == 3 * len(shown)
    assert page.locator(".of-unit").is_visible() == bool(shown)
    if not shown:
        return
    heights = "all => all.map(e => +e.style.getPropertyValue('--v'))"
    gates = [1 / (1 + numpy.exp(-values[gate])) for gate in shown]
    for layer, unit, expected in ((1, 3, gates), (1, 2, [0.5] * len(gates)), (0, 3, None)):
        page.fill("#layer", str(layer))
        page.fill("#unit", str(unit))
        found = page.locator("[data-place='1'] .gate").evaluate_all(heights)
        numpy.testing.assert_allclose(found, expected or [0.5] * len(gates), atol=1e-6)
    page.fill("#layer", "1")
    page.fill("#unit", "3")
    page.focus(".token[tabindex='0']")
    said = page.inner_text("#gates")
    letters = {"update": "Z", "reset": "R", "input": "I", "forget": "F", "output": "O"}
    for gate, value in zip(shown, gates):
        assert f"{letters[gate]} {value:.3f}" in said and said.startswith("Unit 3: ")
        assert f"{letters[gate]}, the {gate} gate" in page.inner_text(".of-gates")


def test_what_the_model_has_not_learned_is_read_as_unk(page):
    page.fill("#box", "Theé cat")
    settled(page)
    assert page.locator(".unknown").all_inner_texts() == ["é"]
    page.hover(".unknown")
    assert "not in the vocabulary, read as <unk>" in page.inner_text("#readout")
    assert page.evaluate("steps[3].token") == page.evaluate("unk")


def test_without_unk_an_unknown_character_is_left_out(view, tmp_path):
    run = random_model(tmp_path / "m.safetensors", "gru_after", 1, tokens=list("abc"))
    write(tmp_path / "model.html", run)
    page = view(tmp_path / "model.html")
    page.fill("#box", "ab?ca")
    settled(page)
    page.hover(".unknown")
    assert "left out; not in the vocabulary" in page.inner_text("#readout")
    with_it = page.evaluate("steps[4].bits")
    page.fill("#box", "abca")
    settled(page)
    assert page.evaluate("steps[3].bits") == with_it
    page.fill("#box", "?ab")
    settled(page)
    assert page.evaluate("steps.map(step => step.bits === null)") == [True, True, False]


def test_of_a_long_text_the_beginning_is_read_and_the_page_says_so(page):
    page.fill("#box", "The cat sees a dog.\n" * 250)
    page.locator("#summary", has_text="the first 4000 are read, and 1000 are left out").wait_for()
    assert page.locator(".token").count() == 4000
    assert go_on(page, length=5) == "The cat sees a dog.\n" * 250
    assert "1000 are left out" in page.inner_text("#summary")


SPLIT = "([reading, texts]) => texts.map(text => split(reading, readAs(reading, text), new Map()))"


RULES = [Rules("words", form=form, words=rule) for rule in (1, 2) for form in (None, "NFD")]
RULES += [Rules(case="fold", form="NFC"), Rules("words", "fold")]


@pytest.mark.parametrize("rules", RULES)
def test_texts_become_the_tokens_that_they_do_in_training(page, rules):
    rng = random.Random(1)
    pools = [
        "ab Z'’ \n\t.,!-_5²Ⅷ",
        "é e\u0301\u0308 שׁ״׳ \u200d\u200b\u00ad\ufe0f",
        "\r\n\ufeff İΣ aß",
    ]
    pools += [
        "".join(map(chr, range(0x300))),
        "\u3000\u2028\x85\x1c\x1f\u180e\u0903漢字😀👨\u200d👩",
    ]
    texts = [
        "".join(rng.choices(rng.choice(pools) + " aB", k=rng.randrange(1, 14))) for _ in range(1000)
    ]
    found = page.evaluate(SPLIT, [{**dataclasses.asdict(rules), "letters": False}, texts])
    for text, tokens in zip(texts, found):
        read = rules.read(text)
        assert tokens == rules.split(read.rstrip(" ") if rules.tokens == "words" else read)


def test_a_model_of_the_books_text_reads_any_text_as_letters_and_spaces(page):
    reading = {**dataclasses.asdict(Rules()), "letters": True}
    (found,) = page.evaluate(SPLIT, [reading, ["“The Time-Traveller,”  he said.\nÉ"]])
    assert "".join(found) == " the time traveller he said "
    # Two spaces, as the book's text has at ends of lines, stay.
    assert "".join(*page.evaluate(SPLIT, [reading, ["filby  what"]])) == "filby  what"


def test_of_a_long_text_the_place_of_the_cursor_is_in_sight(page):
    page.fill("#box", "The cat sees a dog.\n" * 60)
    settled(page)
    inside = """() => {
      const [outer, inner] = [text, text.querySelector("[aria-selected=true]")].map(
        element => element.getBoundingClientRect());
      return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
    }"""
    assert page.evaluate(inside)
    for keys, place in (("Control+Home", 0), ("Control+End", 1199)):
        page.press("#box", keys)
        page.locator(f"[aria-selected=true][data-place='{place}']").wait_for()
        assert page.evaluate(inside)


def test_words_are_tokens_and_the_first_may_lack_its_space(view, tmp_path):
    run = OLDER / "own_texts" / "words"
    learner, vocab = write(tmp_path / "model.html", run)
    page = view(tmp_path / "model.html")
    page.fill("#box", "cat sees the zebra ")
    settled(page)
    tokens = page.evaluate("steps.map(step => step.token)")
    assert tokens == vocab[[" cat", " sees", " the", " zebra"]] and tokens[-1] == vocab.unk
    page.evaluate("box.setSelectionRange(4, 4)")
    page.locator("#where", has_text="token 2 of 4").wait_for()
    # The space at the end is that of the next word.
    page.fill("#box", "the cat ")
    _, *written = own_texts.generate(run, "the cat ", 20, 0)
    page.fill("#length", "20")
    page.fill("#temperature", "0")
    page.click("#go")
    settled(page)
    assert page.input_value("#box") == "the cat" + "".join(written)


# Who uses it, and how.

CONTROLS = {
    "textbox": ["The model begins; type or paste a text of your own, or let it go on:"],
    "spinbutton": [
        "tokens",
        "temperature",
        "top k",
        "seed",
        "layer (0 is the lowest)",
        "unit (0 to 15)",
    ],
    "button": ["Continue", "Take back"],
    "listbox": ["the text, token by token"],
    "list": ["What it expects At the beginning:"],
    "status": ["what was read"],
}


def test_every_control_has_a_name(page):
    for role, names in CONTROLS.items():
        assert page.get_by_role(role).count() == len(names)
        for name in names:
            assert page.get_by_role(role, name=name, exact=True).count() == 1


def test_the_page_is_used_by_keyboard_alone(page):
    now = "document.activeElement.id || document.activeElement.className"
    page.keyboard.press("Tab")
    assert page.evaluate(now) == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate(now) == "box"
    page.keyboard.type("The cat")
    visited = []
    for key in ("9", "0", "3", "5", " "):
        page.keyboard.press("Tab")
        visited.append(page.evaluate(now))
        if visited[-1] != "go":
            page.keyboard.press("Control+A")
        page.keyboard.press(key)
    assert visited == ["length", "temperature", "top-k", "seed", "go"]
    settled(page)
    assert len(page.input_value("#box")) == len("The cat") + 9
    for expected in ("back", "layer", "unit", "token"):
        page.keyboard.press("Tab")
        assert page.evaluate(now) == expected
    place = "Number(document.activeElement.dataset.place)"
    for key, there in (("End", 15), ("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2)):
        page.keyboard.press(key)
        assert page.evaluate(place) == there
        assert page.locator("[aria-selected=true]").get_attribute("data-place") == str(there)
    assert page.inner_text("#where").startswith("In place of “e”, token 3 of 16")
    page.keyboard.press("Tab")
    # One stop for the whole text.
    assert page.evaluate("document.activeElement.closest('#read')") is None


@pytest.mark.parametrize("width", [360, 700, 1025, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_all_stands_out(view, tmp_path, width, scheme):
    tokens = ["<unk>", MARKUP * 9, "w" * 300, *"ab \n"]
    run = random_model(tmp_path / "m.safetensors", "lstm", 2, tokens=tokens)
    write(tmp_path / "model.html", run, name="n" * 200)
    page = view(tmp_path / "model.html", width, scheme)
    page.fill("#box", "ab ba?\n\nab")
    go_on(page, length=30, temperature=3)
    assert page.locator(".token").count() == 40
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate(
            """width => [...document.querySelectorAll("main *")]
        .filter(element => element.getBoundingClientRect().right > width + 0.5)
        .map(element => element.outerHTML.slice(0, 200))""",
            width,
        )
        == []
    )
    found = page.evaluate(browsing.CONTRASTS)
    assert len(found) > 50 and found[0][0] >= 4.5, found[:5]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) > 3 * 128) == (scheme == "light")


def test_no_token_and_no_name_becomes_markup(view, tmp_path):
    tokens = ["<unk>", MARKUP, "</script>", "<!--", "]]>", '"', "'", "\\", "\x00", "\ud800", "a"]
    run = random_model(tmp_path / "m.safetensors", "gru_before", 1, tokens=tokens)
    write(tmp_path / "model.html", run, name=MARKUP)
    page = view(tmp_path / "model.html")
    assert json.loads(page.evaluate("JSON.stringify(vocab)")) == tokens
    go_on(page, length=60, temperature=5)
    assert page.locator(".token").count() == 60
    assert page.evaluate("document.querySelectorAll('img, [onerror]').length") == 0
    assert "<img src=x" in page.inner_text("h1") and page.locator("script").count() == 3


def test_a_vocabulary_of_one_token_leaves_nothing_to_expect(view, tmp_path):
    run = random_model(tmp_path / "m.safetensors", "gru_after", 1, tokens=["a"])
    write(tmp_path / "model.html", run)
    page = view(tmp_path / "model.html")
    assert go_on(page, length=5) == "aaaaa" and bars(page) == [("a", "100.0%")]


@pytest.mark.skipif(not RECORDED.is_file(), reason="the repository is not at hand")
def test_the_page_among_the_results_opens(view):
    page = view(RECORDED)
    assert RECORDED.stat().st_size < 1_000_000
    assert page.evaluate("[facts.num_hiddens, facts.num_layers]") == [128, 2]
    assert len(go_on(page, length=50)) == 50


def test_without_scripts_the_page_says_so(browser, trained, tmp_path):
    write(tmp_path / "model.html", trained)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "model.html").as_uri())
    assert "JavaScript" in page.inner_text("main") and not page.locator("#box").is_visible()
    context.close()
