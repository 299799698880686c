"""The book's tokens and vocabulary, each against a straightforward way to make them."""

import collections
import re
from unittest import mock

import hypothesis
import numpy
import pytest
from hypothesis import strategies as st

import gluon_gru
from gluon_gru import InputError, Vocab
from gluon_gru.text import corpus, textfile

# Letters, what looks like letters, all ends of lines and what only some take for ends of lines; but
# no control characters, of which a file that has more than a few is no text.
PIECES = st.sampled_from(
    [
        "a",
        "b",
        "Z",
        "wheel",
        "Clock",
        " ",
        "  ",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "\x0b",
        "\x0c",
        "'",
        "-",
        "_",
        "7",
        "[",
        "`",
        "{",
        "@",
        "\x85",
        "é",
        "\u017f",
        "\u212a",
        "\u2028",
        "\ufeff",
        "\uff21",
        "\u0663",
        "\U0001f570",
    ]
)
TEXTS = st.lists(
    PIECES | st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=40
).map("".join)
BLOCKS = st.sampled_from([1, 2, 3, 5, 8, 1 << 22])


def books_lines(path, edition="2019"):
    """Return the lines as the book's code makes them."""
    # A byte order mark, which the book's file hasn't got, is dropped.
    with open(path, encoding="utf-8-sig") as file:
        if edition == "2019":
            return [re.sub("[^A-Za-z]+", " ", line.strip().lower()) for line in file]
        return [re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in file]


def books_order(counter, edition="2019"):
    if edition == "2019":
        return ["<unk>", *sorted(counter, key=lambda token: (-counter[token], token))]
    return ["<unk>", *(token for token, _ in counter.most_common())]


both_editions = pytest.mark.parametrize("edition", ["2019", "2020-09"])


@pytest.fixture(scope="session")
def write(tmp_path_factory):
    """Return a function that writes a text (not translating ends of lines); it returns the path."""
    path = tmp_path_factory.mktemp("text") / "story.txt"

    def write_text(content):
        path.write_bytes(content.encode("utf-8"))
        return path

    return write_text


def load(path, token="char", block=1 << 22, max_tokens=-1, edition="2019"):
    with mock.patch.object(textfile, "_BLOCK", block):
        return corpus.load_corpus(corpus.find(path), token, max_tokens, edition)


def check_load(path, token, block, edition):
    lines = books_lines(path, edition)
    words = {"2019": lambda line: line.split(" "), "2020-09": str.split}[edition]
    expected = [t for line in lines for t in (line if token == "char" else words(line))]
    if not "".join(expected).strip():
        with pytest.raises(InputError, match="no letters"):
            load(path, token, block, edition=edition)
        return
    found, vocab = load(path, token, block, edition=edition)
    assert vocab.idx_to_token == books_order(collections.Counter(expected), edition)
    assert vocab.to_tokens(found) == expected
    assert found.ndim == 1


@both_editions
@pytest.mark.parametrize("token", ["char", "word"])
@pytest.mark.campaign
@hypothesis.given(content=TEXTS, block=BLOCKS)
def test_loading_any_text_in_blocks_of_any_size_gives_the_books_tokens(
    write, token, content, block, edition
):
    check_load(write(content), token, block, edition)


@both_editions
@pytest.mark.campaign
@hypothesis.given(content=TEXTS, block=BLOCKS)
def test_reading_any_text_gives_the_books_lines(write, content, block, edition):
    path = write(content)
    with mock.patch.object(textfile, "_BLOCK", block), mock.patch.dict(
        "os.environ", GLUON_GRU_CORPUS=str(path)
    ):
        assert gluon_gru.read_time_machine(edition) == books_lines(path, edition)


@both_editions
@pytest.mark.parametrize("token", ["char", "word"])
def test_the_bundled_sample_loads_as_the_book_would_load_it(token, edition):
    check_load(corpus.SAMPLE, token, 1000, edition)


@both_editions
@pytest.mark.parametrize("token", ["char", "word"])
def test_the_books_corpus_loads_as_the_book_loads_it(books_corpus, token, edition):
    check_load(books_corpus, token, 1 << 22, edition)


@pytest.mark.parametrize(
    ("edition", "line", "indices", "first"),
    [
        (
            "2019",
            8,
            [1, 20, 72, 17, 38, 12, 120, 43, 706, 7, 660, 5, 112, 2],
            ["<unk>", "the", "", "i", "and", "of", "a", "to", "was", "in"],
        ),
        (
            "2020-09",
            10,
            [2186, 3, 25, 1044, 362, 113, 7, 1421, 3, 1045, 1],
            ["<unk>", "the", "i", "and", "of", "a", "to", "was", "in", "that"],
        ),
    ],
)
def test_words_have_the_indices_that_the_book_printed(
    books_corpus, monkeypatch, edition, line, indices, first
):
    """Printed in "Text Preprocessing", builds of 17 February 2020 and of 6 January 2021."""
    monkeypatch.setenv("GLUON_GRU_CORPUS", str(books_corpus))
    words = gluon_gru.tokenize(gluon_gru.read_time_machine(edition), edition=edition)
    vocab = Vocab(words, edition=edition)
    assert vocab[words[line]] == indices
    assert vocab.idx_to_token[:10] == first


@pytest.mark.parametrize(
    ("n", "printed"),
    [
        (2, [(("of", "the"), 309), (("in", "the"), 169), (("i", "had"), 130), (("i", "was"), 112)]),
        (
            3,
            [
                (("the", "time", "traveller"), 59),
                (("the", "time", "machine"), 30),
                (("the", "medical", "man"), 24),
                (("it", "seemed", "to"), 16),
                (("it", "was", "a"), 15),
                (("here", "and", "there"), 15),
            ],
        ),
    ],
)
def test_a_vocabulary_of_tuples_counts_them_as_the_book_printed(
    books_corpus, monkeypatch, n, printed
):
    """Printed in "Language Models and the Dataset", build of 6 January 2021."""
    monkeypatch.setenv("GLUON_GRU_CORPUS", str(books_corpus))
    lines = gluon_gru.tokenize(gluon_gru.read_time_machine("2020-09"), edition="2020-09")
    words = [word for line in lines for word in line]
    grams = list(zip(*(words[i:] for i in range(n))))
    assert Vocab(grams, edition="2020-09").token_freqs[: len(printed)] == printed
    assert gluon_gru.count_corpus(grams)[printed[0][0]] == printed[0][1]


@pytest.mark.parametrize(
    "call",
    [
        lambda edition: gluon_gru.load_data_time_machine(2, 3, edition=edition),
        lambda edition: gluon_gru.load_corpus_time_machine(edition=edition),
        lambda edition: gluon_gru.read_time_machine(edition),
        lambda edition: gluon_gru.tokenize(["a"], edition=edition),
        lambda edition: Vocab(["a"], edition=edition),
    ],
)
@pytest.mark.parametrize("edition", ["2018", 2019, None, ["2019"]])
def test_an_unknown_edition_is_an_error_that_lists_the_known(sample_corpus, call, edition):
    with pytest.raises(InputError, match="is unknown: .* '2019' .* and '2020-09' "):
        call(edition)


def test_max_tokens_shortens_the_text_but_not_the_vocabulary(write):
    path = write("abcab ca\n")
    whole, vocab = load(path)
    first, same = load(path, max_tokens=2)
    assert same.idx_to_token == vocab.idx_to_token
    assert first.tolist() == whole[:2].tolist()
    assert len(load(path, max_tokens=0)[0]) == len(load(path, max_tokens=99)[0]) == len(whole) == 8


@pytest.mark.parametrize(("number", "dtype"), [(255, "uint8"), (256, "uint16")])
def test_tokens_are_of_the_smallest_type_that_holds_the_vocabulary(write, number, dtype):
    letters = "abcdefghijklmnopqrst"
    words = [a + b for a in letters for b in letters][:number]
    tokens, vocab = load(write("\n".join(words)), "word")
    assert tokens.dtype == dtype
    assert vocab.to_tokens(tokens) == words


@pytest.mark.parametrize(
    "call",
    [
        lambda: corpus.load_corpus(corpus.find(corpus.SAMPLE), "chars"),
        lambda: gluon_gru.tokenize(["a b"], "chars"),
    ],
)
def test_an_unknown_kind_of_token_is_an_error_that_names_the_known(call):
    with pytest.raises(InputError, match="'chars' is unknown: use 'char' or 'word'"):
        call()


def test_tokenize_splits_each_line_into_words_or_characters():
    lines = ["the  tower", "", "a"]
    assert gluon_gru.tokenize(lines) == [["the", "", "tower"], [""], ["a"]]
    assert gluon_gru.tokenize(lines, edition="2020-09") == [["the", "tower"], [], ["a"]]
    assert gluon_gru.tokenize(lines, "char") == [list("the  tower"), [], ["a"]]


@pytest.mark.campaign
@hypothesis.given(st.lists(st.lists(st.sampled_from("abcde"))))
def test_count_corpus_counts_lists_and_lists_of_lists(lines):
    flat = [token for line in lines for token in line]
    assert gluon_gru.count_corpus(lines) == collections.Counter(flat)
    assert gluon_gru.count_corpus(flat) == collections.Counter(flat)


@pytest.mark.campaign
@hypothesis.given(st.lists(st.sampled_from(["a", "b", "c", "aa", "B", "é", ""])), st.integers(0, 4))
def test_a_vocabulary_is_in_falling_frequency_then_alphabetical_order(tokens, min_freq):
    counter = collections.Counter(tokens)
    vocab = Vocab(tokens, min_freq)
    assert vocab.idx_to_token == [
        token for token in books_order(counter) if counter[token] >= min_freq or token == "<unk>"
    ]
    assert vocab.token_freqs == [(token, counter[token]) for token in books_order(counter)[1:]]
    assert len(vocab) == len(vocab.idx_to_token)
    assert [vocab[token] for token in vocab.idx_to_token] == list(range(len(vocab)))


def test_a_vocabulary_by_hand():
    vocab = Vocab([["b", "c", "a"], ["c", "b"], ["d"]])
    assert vocab.idx_to_token == ["<unk>", "b", "c", "a", "d"]
    assert vocab.token_freqs == [("b", 2), ("c", 2), ("a", 1), ("d", 1)]
    assert vocab.unk == 0
    assert vocab["c"] == 2
    assert vocab["z"] == 0
    assert vocab[["d", "z", "b"]] == vocab[("d", "z", "b")] == [4, 0, 1]
    assert vocab[[["d"], ["b", "z"]]] == [[4], [1, 0]]
    assert vocab.to_tokens(3) == "a"
    assert vocab.to_tokens([3, 0]) == vocab.to_tokens((3, 0)) == ["a", "<unk>"]
    assert vocab.to_tokens(numpy.array([3, 0])) == ["a", "<unk>"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"use_special_tokens": True}, ["<pad>", "<bos>", "<eos>", "<unk>", "b", "a"]),
        ({"reserved_tokens": ["<pad>", "a"]}, ["<unk>", "<pad>", "a", "b"]),
        (
            {"use_special_tokens": True, "reserved_tokens": ["<sep>"], "min_freq": 2},
            ["<pad>", "<bos>", "<eos>", "<unk>", "<sep>", "b"],
        ),
        ({"reserved_tokens": None, "min_freq": 3}, ["<unk>"]),
    ],
)
def test_special_and_reserved_tokens_come_first(options, expected):
    vocab = Vocab(list("abb"), **options)
    assert vocab.idx_to_token == expected
    assert vocab["nowhere"] == vocab.unk == expected.index("<unk>")
    assert vocab[expected] == list(range(len(expected)))


def test_a_vocabulary_takes_a_counter_and_may_be_empty():
    assert Vocab(collections.Counter(a=1, b=5)).idx_to_token == ["<unk>", "b", "a"]
    assert Vocab().idx_to_token == Vocab([]).idx_to_token == ["<unk>"]


@pytest.mark.parametrize(
    "tokens, unk",
    [
        (["<unk>", " ", "e"], 0),
        (["<pad>", "<bos>", "<eos>", "<unk>", "a"], 3),
        (["a", "<unk>"], 1),
        (["b", "a"], None),
    ],
)
def test_a_vocabulary_of_given_tokens_keeps_their_indices(tokens, unk):
    vocab = Vocab.of(tokens)
    assert vocab.idx_to_token == tokens and vocab[tokens] == list(range(len(tokens)))
    assert vocab.unk == unk and vocab.token_freqs == []
    if unk is None:
        with pytest.raises(InputError, match="'x' is not in the vocabulary.*such as 'b', 'a'"):
            vocab[["b", "x"]]
    else:
        assert vocab["x"] == unk


@pytest.mark.parametrize("tokens", [[], ["a", "a"], ["a", 1], "ab", {"a": 0}, None])
def test_what_is_no_list_of_different_tokens_makes_no_vocabulary(tokens):
    with pytest.raises(InputError, match="list of its tokens by index"):
        Vocab.of(tokens)
