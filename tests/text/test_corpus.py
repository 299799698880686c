"""Which corpus is found, and what is loaded of it."""

import functools
import gc
import hashlib
import os
import re
import warnings

import pytest

import gluon_gru
from gluon_gru import InputError
from gluon_gru.text import corpus, download, textfile
from gluon_gru.text.editions import EDITIONS

# pooch leaves the connection of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect_sockets_while_they_may_be_unclosed(request):
    yield
    if "server" in request.fixturenames:
        gc.collect()


BODY = b"A story to download.\n" * 400
SHA1 = hashlib.sha1(BODY).hexdigest()


@pytest.fixture
def books_server(server, monkeypatch):
    """Let the server be where the book's corpus is downloaded from."""
    server.behaviour = lambda request: request.send(BODY)
    monkeypatch.setattr(corpus, "BOOK_URL", server.url)
    monkeypatch.setattr(corpus, "BOOK_SHA1", SHA1)
    return server


@pytest.fixture
def offline(books_server):
    books_server.behaviour = lambda request: request.send_error(503)


def test_a_given_path_comes_before_the_environment(sample_corpus, books_server, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"my own")
    for given in (path, str(path)):
        found = corpus.find(given)
        assert (found.path, found.name, found.note) == (path, "mine.txt", "")
    assert found.sha1 == hashlib.sha1(b"my own").hexdigest()
    assert not found.is_books
    assert books_server.requests == 0


def test_the_environment_comes_before_cache_and_download(sample_corpus, books_server):
    found = corpus.find()
    assert (found.path, found.name, found.note) == (corpus.SAMPLE, "sample.txt", "")
    assert books_server.requests == 0


@pytest.mark.parametrize("value", [None, ""])
def test_without_both_it_is_downloaded_once_and_then_the_caches(books_server, monkeypatch, value):
    if value is not None:
        monkeypatch.setenv("GLUON_GRU_CORPUS", value)
    first, second = corpus.find(), corpus.find()
    assert first == second
    assert (first.path.read_bytes(), first.sha1, first.note) == (BODY, SHA1, "")
    assert first.path.parent == download.user_cache()
    assert books_server.requests == 1


def test_the_cached_book_is_found_without_network(books_corpus, user_cache):
    folder = download.user_cache()
    folder.mkdir(parents=True)
    (folder / "timemachine.txt").write_bytes(books_corpus.read_bytes())
    found = corpus.find()
    assert (found.path, found.note) == (folder / "timemachine.txt", "")
    assert (found.is_books, found.name) == (True, "The Time Machine")


def test_without_network_it_is_the_bundled_sample_with_a_note_why():
    found = corpus.find()
    assert (found.path, found.name, found.is_books) == (corpus.SAMPLE, "bundled story", False)
    assert "ProxyError" in found.note
    assert "\n" not in found.note
    assert "--corpus or GLUON_GRU_CORPUS" in found.note


@pytest.mark.parametrize(
    "load",
    [gluon_gru.load_corpus_time_machine, functools.partial(gluon_gru.load_data_time_machine, 2, 5)],
)
def test_loading_without_the_book_warns(offline, load):
    with pytest.warns(UserWarning, match="answered 503.*short story bundled"):
        load()


def test_the_warning_points_to_the_readers_own_line(offline):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gluon_gru.load_data_time_machine(2, 5)
    assert [warning.filename for warning in caught] == [__file__]


def test_loading_a_corpus_that_was_asked_for_does_not_warn(sample_corpus):
    # Warnings are errors here.
    gluon_gru.load_data_time_machine(2, 5)


@pytest.fixture
def bad_path(tmp_path, request):
    path = tmp_path / "bad.txt"
    if request.param == "empty":
        path.touch()
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "unreadable":
        path.write_text("a text")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read every file")
    return path


@pytest.mark.parametrize(
    ("bad_path", "problem"),
    [
        ("missing", "No such file"),
        ("empty", "is empty"),
        ("folder", "directory"),
        ("unreadable", "Permission denied"),
    ],
    indirect=["bad_path"],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_path_that_is_no_text_is_an_error_that_names_it_and_says_what_to_do(
    bad_path, problem, by_environment, monkeypatch
):
    if by_environment:
        monkeypatch.setenv("GLUON_GRU_CORPUS", str(bad_path))
    with pytest.raises(InputError) as caught:
        corpus.find(None if by_environment else bad_path)
    message = str(caught.value)
    assert repr(str(bad_path)) in message
    assert problem in message
    assert ("GLUON_GRU_CORPUS" in message) is by_environment
    assert "give a" in message


@pytest.mark.parametrize("block", [1, 2, 3, 4, 1 << 22])
@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"abc\xe9 def",
        b"\xe2\x82\xac \xe2\x82(",
        b"ab\xe2\x82",
        b"\xed\xa0\x80",
        b"line\nline\n\xc0\xaf",
    ],
)
def test_a_text_that_is_not_utf_8_is_an_error_with_the_byte_position(
    tmp_path, monkeypatch, content, block
):
    path = tmp_path / "story.txt"
    path.write_bytes(content)
    monkeypatch.setattr(textfile, "_BLOCK", block)
    with pytest.raises(UnicodeDecodeError) as reference:
        content.decode("utf-8")
    with pytest.raises(InputError) as caught:
        corpus.load_corpus(corpus.find(path))
    message = str(caught.value)
    assert repr(str(path)) in message
    assert re.search(r"at byte (\d+)", message).group(1) == str(reference.value.start)


@pytest.mark.parametrize("edition", [{}, {"edition": "2020-09"}], ids=["2019", "2020-09"])
def test_the_books_corpus_is_as_the_book_prints_it(books_corpus, monkeypatch, edition):
    monkeypatch.setenv("GLUON_GRU_CORPUS", str(books_corpus))
    tokens, vocab = gluon_gru.load_corpus_time_machine(**edition)
    # (171489, 28) is printed in the builds until August 2020, (170580, 28) in those after.
    assert (len(tokens), len(vocab)) == (170580 if edition else 171489, 28)
    assert EDITIONS[vocab.edition].num_characters == len(tokens)
    assert vocab.idx_to_token[:10] == ["<unk>", " ", "e", "t", "a", "i", "n", "o", "s", "h"]
    assert len(gluon_gru.read_time_machine(**edition)) == 3221


def test_a_published_text_of_2019_has_the_double_spaces_of_its_edition(books_corpus, monkeypatch):
    monkeypatch.setenv("GLUON_GRU_CORPUS", str(books_corpus))
    text = {name: "".join(gluon_gru.read_time_machine(name)) for name in EDITIONS}
    assert "it s against reason said filby  what reason said" in text["2019"]
    assert "it s against reason said filbywhat reason said" in text["2020-09"]


def characters(path):
    tokens, vocab = corpus.load_corpus(corpus.find(path))
    return "".join(vocab.to_tokens(tokens)), vocab


def test_the_sample_is_long_enough_and_has_the_books_vocabulary():
    story, vocab = characters(corpus.SAMPLE)
    assert len(story) >= 12000
    assert set(vocab.idx_to_token) == {"<unk>", *" abcdefghijklmnopqrstuvwxyz"}
    assert "time traveller" in story


def test_the_sample_copies_nothing_from_the_book(books_corpus):
    (story, _), (book, _) = characters(corpus.SAMPLE), characters(books_corpus)
    runs = {book[i : i + 60] for i in range(len(book) - 59)}
    assert [story[i : i + 60] for i in range(len(story) - 59) if story[i : i + 60] in runs] == []


MEMORY = """
import pathlib, resource, sys
from gluon_gru.text import corpus
path = pathlib.Path(sys.argv[1])
size = 40 << 20
with open(path, "wb") as file:
    while file.tell() < size:
        file.write(corpus.SAMPLE.read_bytes())
unit = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
tokens, vocab = corpus.load_corpus(corpus.find(path))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(len(tokens) / size, (after - before) / size)
"""


@pytest.mark.slow
def test_loading_a_large_text_takes_a_few_times_its_size_in_memory(run_python, tmp_path):
    pytest.importorskip("resource")
    # A process starts with its parent's peak as its own: the one between has a small one.
    done = run_python(
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {MEMORY!r}, {str(tmp_path / 'large.txt')!r}])"
    )
    length, growth = map(float, done.stdout.split())
    assert length > 0.9
    assert 1 <= growth < 4
