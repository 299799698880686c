"""A real browser, Chromium, without a window, for the tests of pages."""

import os
import shutil

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip(
        "playwright.sync_api", reason='no playwright here: pip install -e ".[browser]"'
    )
    with api.sync_playwright() as started:
        program = next(filter(None, map(shutil.which, _NAMES)), started.chromium.executable_path)
        if not os.path.exists(program):
            pytest.skip("no Chromium here: install the system's, or run playwright install")
        # A sandbox is more than a container lets it have; it opens nothing but our own files.
        running = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()
