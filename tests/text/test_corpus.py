"""Where the corpus comes from; downloads from a server on this machine, well and ill behaved."""

import functools
import gc
import hashlib
import os
import re
import warnings

import pooch
import pytest

import gluon_gru
from gluon_gru import InputError
from gluon_gru.text import corpus
from gluon_gru.text import vocabulary as text

BODY = b"A story to download.\n" * 400
SHA1 = hashlib.sha1(BODY).hexdigest()

# pooch leaves the connection of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect_sockets_while_they_may_be_unclosed():
    yield
    gc.collect()


def altered(request):
    request.send(BODY.replace(b"story", b"STORY"))


def truncated(request):
    request.send(BODY[:5000], len(BODY))


def silent(request):
    request.server.closing.wait()


def trickling(request):
    request.send(b"", len(BODY))
    while not request.server.closing.wait(0.02):
        request.wfile.write(b"A")


def status(code):
    return lambda request: request.send_error(code)


@pytest.fixture
def server(server):
    server.behaviour = lambda request: request.send(BODY)
    return server


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def download(server, cache, **kwargs):
    return corpus.download(server.url, SHA1, cache, **kwargs)


def kept(cache):
    return sorted(path.name for path in cache.glob("*"))


def test_a_download_is_kept_and_needs_no_server_afterwards(server, cache):
    path = download(server, cache)
    assert path.read_bytes() == BODY
    assert kept(cache) == [path.name] == ["timemachine.txt"]
    server.behaviour = status(500)
    assert download(server, cache) == path
    assert server.requests == 1


def test_a_damaged_cached_file_is_replaced(server, cache):
    cache.mkdir()
    (cache / "timemachine.txt").write_bytes(BODY[:-1])
    assert download(server, cache).read_bytes() == BODY
    assert server.requests == 1


def test_a_damaged_cached_file_is_not_used_when_the_server_fails(server, cache):
    cache.mkdir()
    (cache / "timemachine.txt").write_bytes(BODY[:-1])
    server.behaviour = status(404)
    with pytest.raises(OSError, match="answered 404"):
        download(server, cache)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (altered, "has the wrong checksum"),
        (truncated, "failed|wrong checksum"),
        (status(404), "answered 404"),
        (status(500), "answered 500"),
        (silent, "failed: ReadTimeout"),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(
    server, cache, monkeypatch, behaviour, reason
):
    if behaviour is silent:
        monkeypatch.setattr(corpus, "STALL_SECONDS", 0.2)
    server.behaviour = behaviour
    with pytest.raises(OSError, match=reason) as caught:
        download(server, cache, seconds=8)
    message = str(caught.value)
    assert server.host in message
    assert "\n" not in message
    assert kept(cache) == []


@pytest.mark.parametrize("behaviour", [silent, trickling])
def test_a_download_that_takes_too_long_is_given_up(server, cache, behaviour):
    server.behaviour = behaviour
    with pytest.raises(OSError, match=f"no answer from {server.host} within 0.3 seconds"):
        download(server, cache, seconds=0.3)
    assert not (cache / "timemachine.txt").exists()


def test_a_download_that_was_given_up_leaves_nothing_when_the_program_ends(
    server, cache, run_python
):
    server.behaviour = trickling
    done = run_python(
        "from gluon_gru.text import corpus\n"
        f"corpus.download({server.url!r}, {SHA1!r}, {str(cache)!r}, 3)"
    )
    assert "no answer" in done.stderr
    assert server.requests == 1
    assert kept(cache) == []


def test_a_server_that_is_not_there_is_one_line(server, cache):
    server.shutdown()
    server.server_close()
    with pytest.raises(OSError, match=f"^the download from {server.host} failed: ConnectionError$"):
        download(server, cache)
    assert kept(cache) == []


@pytest.mark.parametrize("obstacle", ["a file in its place", "a folder without permission"])
def test_a_cache_folder_that_cannot_be_written_is_named(server, tmp_path, obstacle):
    if obstacle == "a file in its place":
        (tmp_path / "parent").touch()
    else:
        (tmp_path / "parent").mkdir(0o500)
        if os.access(tmp_path / "parent", os.W_OK):
            pytest.skip("this user may write everywhere")
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "parent"))) as caught:
        download(server, tmp_path / "parent" / "cache")
    assert "cache folder" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def books_server(server, monkeypatch):
    """Let the server be where the book's corpus is downloaded from."""
    monkeypatch.setattr(corpus.download, "__defaults__", (server.url, SHA1, None, 20))
    return server


@pytest.fixture
def offline(books_server):
    books_server.behaviour = status(503)


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
    assert first.path.parent == pooch.os_cache("gluon_gru")
    assert books_server.requests == 1


def test_the_cached_book_is_found_without_network(books_corpus, user_cache):
    folder = pooch.os_cache("gluon_gru")
    folder.mkdir(parents=True)
    (folder / "timemachine.txt").write_bytes(books_corpus.read_bytes())
    found = corpus.find()
    assert (found.path, found.note) == (folder / "timemachine.txt", "")
    assert (found.is_books, found.name) == (True, "The Time Machine")


def test_without_network_it_is_the_bundled_sample_with_a_note_why():
    found = corpus.find()
    assert (found.path, found.name, found.is_books) == (corpus.SAMPLE, "bundled sample", False)
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
    monkeypatch.setattr(text, "_BLOCK", block)
    with pytest.raises(UnicodeDecodeError) as reference:
        content.decode("utf-8")
    with pytest.raises(InputError, match="iconv -f latin1 -t utf-8") as caught:
        text.load_corpus(corpus.find(path))
    message = str(caught.value)
    assert "'story.txt' is not UTF-8" in message
    assert re.search(r"at byte (\d+)", message).group(1) == str(reference.value.start)


def test_the_books_corpus_has_170580_characters_and_a_vocabulary_of_28(books_corpus, monkeypatch):
    monkeypatch.setenv("GLUON_GRU_CORPUS", str(books_corpus))
    tokens, vocab = gluon_gru.load_corpus_time_machine()
    assert (len(tokens), len(vocab)) == (170580, 28)
    # As the book prints them.
    assert vocab.idx_to_token[:10] == ["<unk>", " ", "e", "t", "a", "i", "n", "o", "s", "h"]
    assert len(gluon_gru.read_time_machine()) == 3221


def characters(path):
    tokens, vocab = text.load_corpus(corpus.find(path))
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
from gluon_gru.text import corpus, vocabulary as text
path = pathlib.Path(sys.argv[1])
size = 20 << 20
with open(path, "wb") as file:
    while file.tell() < size:
        file.write(corpus.SAMPLE.read_bytes())
unit = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
tokens, vocab = text.load_corpus(corpus.find(path))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(len(tokens) / size, (after - before) / size)
"""


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
