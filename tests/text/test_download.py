"""Downloads from a server on this machine, well and ill behaved."""

import gc
import hashlib
import os
import re

import pytest

from gluon_gru.text import download as downloads

BODY = b"A story to download.\n" * 400
SHA1 = hashlib.sha1(BODY).hexdigest()

# pooch leaves the connection of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect_sockets_while_they_may_be_unclosed(request):
    yield
    if "server" in request.fixturenames:
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
    return downloads.download(server.url, SHA1, cache, **kwargs)


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
        monkeypatch.setattr(downloads, "STALL_SECONDS", 0.2)
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


@pytest.mark.slow
def test_a_download_that_was_given_up_leaves_nothing_when_the_program_ends(
    server, cache, run_python
):
    server.behaviour = trickling
    done = run_python(
        "from gluon_gru.text.download import download\n"
        f"download({server.url!r}, {SHA1!r}, {str(cache)!r}, 3)"
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
