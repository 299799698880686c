"""What all tests share: no network, no cache or corpus of the user's, and the texts to read."""

import base64
import functools
import gc
import hashlib
import http.server
import itertools
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import threading
from typing import NamedTuple

import pytest

from gluon_gru import mxnet_import
from gluon_gru.text import corpus

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Of several workers (pytest -n) each has a core or two; more threads would only wait for each other.
_WORKERS = os.environ.get("PYTEST_XDIST_WORKER_COUNT")
if _WORKERS:
    _SHARE = max(1, (os.cpu_count() or 1) // int(_WORKERS))
    os.environ.setdefault("OMP_NUM_THREADS", str(_SHARE))

_NO_MXNET = "needs MXNet, which is not installed"

# Read before the fixtures below take it away from the tests.
_GIVEN = os.environ.get("GLUON_GRU_CORPUS")


def pytest_configure(config):
    """Do without MXNet; and set signals and hypothesis up, but in a process that only hands tests on."""
    if not mxnet_import.installed():
        # Whatever imports it, a file of tests or a test, is skipped: this function makes its error.
        # tests/test_without_mxnet.py holds, on every machine, what must not import it.
        mxnet_import._missing = functools.partial(pytest.skip, _NO_MXNET, allow_module_level=True)
        config.addinivalue_line("filterwarnings", "ignore:gluon_gru. .*MXNet is not installed")
    if config.getoption("dist", "no") == "no":
        # Some tests send these, which are ignored, in all that tests start, too, under nohup and in
        # the background of a script.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

        import campaign
        import hypothesis

        # No deadline: a busy machine is no failure. The same examples every time, on every machine,
        # but in a campaign.
        hypothesis.settings.register_profile(
            "tests",
            deadline=None,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
            derandomize=campaign.FACTOR == 1,
            max_examples=campaign.times(100),
        )
        hypothesis.settings.load_profile("tests")


# Files whose tests share a fixture that takes seconds -> what it is.
_SHARED = {
    "tests/report/test_model_page_browser.py": "a browser",
    "tests/report/test_page.py": "pages",
    "tests/report/test_page_browser.py": "pages",
    "tests/report/test_reproduction.py": "a reproduction",
    "tests/studies/test_exercises.py": "answers",
    "tests/studies/test_reproduce.py": "a finished reproduction",
}


# Tests that need MXNet in a thread or a process of theirs; those that import it are skipped anyway.
_WITH_MXNET = (
    "cli/test_commands.py::test_benchmark_prints_rates_or_every_round",
    "cli/test_commands.py::test_piped_output_has_no_colours",
    "cli/test_scripts.py::test_a_divergence_is_one_line",
    "cli/test_scripts.py::test_ctrl_c_ends_a_benchmark",
    "cli/test_scripts.py::test_what_ends_it_saves",
    "engine/test_hostile.py",
    "notebook/test_rerun.py::test_a_notebook_of_20",
    "test_mxnet_import.py::test_importing_gives_no_warning",
    "test_mxnet_import.py::test_what_an_import_changes",
    "test_mxnet_import.py::test_with_compat_imported_first_mxnet_keeps",
    "test_notebook.py",
    "test_programs.py::test_an_old_program_runs_with",
    "test_threads.py",
    "test_variables.py::test_mxnet_and_the_engine_load",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Send tests that share a fixture to the same worker (pytest -n), each other one to any."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _SHARED.get(nodeid.split("::")[0], nodeid)

    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what needs pages or answers as slow, and put what is slow first; skip what can't run."""
    for item in items:
        if not mxnet_import.installed() and item.nodeid.startswith(
            tuple(f"tests/{start}" for start in _WITH_MXNET)
        ):
            item.add_marker(pytest.mark.skip(reason=_NO_MXNET))
        if {"made", "answered"}.intersection(item.fixturenames):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish():
    """Take what has been imported out of the garbage collector's sight.

    It would look through hundreds of thousands of objects each time, in all that the tests allocate.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_network(tmp_path_factory):
    """Send every request that leaves this machine to a port where nobody listens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GLUON_GRU_CORPUS", raising=False)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        # Matplotlib's font cache would otherwise be built anew in every test's cache.
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("session_cache")))
        yield


@pytest.fixture(scope="session")
def _caches(tmp_path_factory):
    """Return a folder for the tests' caches, and numbers for their names."""
    # pytest's own tmp_path would look through all those before it, in every one of 2,000 tests.
    return tmp_path_factory.mktemp("caches"), itertools.count()


@pytest.fixture(autouse=True)
def user_cache(_caches, monkeypatch):
    """Give each test an empty cache folder of the user's; return it."""
    folder = _caches[0] / str(next(_caches[1]))
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.delenv("GLUON_GRU_CORPUS", raising=False)
    return folder


@pytest.fixture(scope="session")
def books_corpus():
    """Return the path of the text that the book trained on; skip where it isn't at hand."""
    path = pathlib.Path(_GIVEN or ROOT.parent / "shared" / "data" / "timemachine.txt").resolve()
    if not path.is_file():
        pytest.skip("the book's corpus is not at hand: set GLUON_GRU_CORPUS")
    if hashlib.sha1(path.read_bytes()).hexdigest() != corpus.BOOK_SHA1:
        pytest.skip(f"{path.name} is not the book's corpus (its SHA-1 differs)")
    return path


@pytest.fixture
def sample_corpus(monkeypatch):
    """Make the bundled story the corpus that the user asked for; return its path."""
    monkeypatch.setenv("GLUON_GRU_CORPUS", str(corpus.SAMPLE))
    return corpus.SAMPLE


@pytest.fixture
def no_pictures():
    """Have figures made but not drawn, which takes longest; ``no_pictures.undo()`` has them drawn."""
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gluon_gru.report.pictures.png", lambda fig: base64.b64decode(dot))
        yield patch


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Return what ``pages.make`` does: a page of every kind, and the gates that one shows."""
    import pages
    import tiny

    from gluon_gru.studies.reproduce import study as experiments

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "CLAIMS", tiny.claims())
        return pages.make(tmp_path_factory.mktemp("pages"))


class Done(NamedTuple):
    """What has come of a command: named as `subprocess.CompletedProcess` names it."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs ``gluon-gru WORD...`` in this process: ``command(*words)``.

    It gives back a `Done`. With ``script="reproduce"``, that file of ``scripts/`` runs instead. A
    process of its own would import MXNet first, which takes seconds.
    """
    from gluon_gru import cli

    def run(*words, script=None):
        name = str(ROOT / "scripts" / f"{script}.py") if script else "gluon-gru"
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            if script:
                monkeypatch.syspath_prepend(str(ROOT / "scripts"))
                runpy.run_path(name, run_name="__main__")
            else:
                cli.main()
        except SystemExit as end:
            code = end.code or 0
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def run_python():
    """Return a function that runs code in a new interpreter: ``run_python(code, *options)``.

    ``env`` is for that one alone: MXNet, where it is loaded, reads this process's at a fork.
    """

    def run(code, *options, path=(), env=()):
        paths = [*map(str, path), str(ROOT)]
        return subprocess.run(
            [sys.executable, *options, "-c", code],
            cwd=ROOT,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **dict(env)},
            capture_output=True,
            text=True,
        )

    return run


class Server(http.server.ThreadingHTTPServer):
    """Answers as ``behaviour``, a function of the request, does; counts the requests.

    Set are ``host`` (with the port), ``url``, and ``closing``, an event for behaviours that wait.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour, self.requests, self.closing = None, 0, threading.Event()
        self.host = f"127.0.0.1:{self.server_port}"
        self.url = f"http://{self.host}/timemachine.txt"

    def handle_error(self, request, client_address):
        """Say nothing when a client hangs up."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        self.server.behaviour(self)

    def log_message(self, *args):
        pass

    def send(self, body, length=None):
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server():
    """Return a `Server` on a free port of this machine, which runs until the test is over."""
    before = set(threading.enumerate())
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.closing.set()
        server.shutdown()
    # Downloads that were given up end with the server.
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()
