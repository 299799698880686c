"""Tests of what only a checkout has: where the package is installed from a wheel, they are skipped."""

import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

needs_checkout = pytest.mark.skipif(
    not (ROOT / "gluon_gru").is_dir(), reason="needs the package's own source beside the tests"
)
