"""Makes ``import mxnet`` (1.9.1, its last release) work on the Pythons and NumPys of today.

Importing this module imports mxnet. The package imports it before anything else, so every
other module, and every program that imports ``gluon_gru`` first, writes ``import mxnet`` as usual.
"""

import importlib.util
import os
import sys
import warnings

import numpy


def _require_what_mxnet_needs():
    """Raise ImportError, with the command that mends it, for what MXNet would only stumble over."""
    if int(numpy.__version__.split(".")[0]) >= 2:
        raise ImportError(
            f"MXNet 1.9.1 can't run on NumPy {numpy.__version__}: run  pip install 'numpy<2'"
        )
    if importlib.util.find_spec("mxnet") is None:
        raise ImportError("MXNet is not installed: run  pip install mxnet==1.9.1")
    if sys.version_info >= (3, 12) and importlib.util.find_spec("setuptools") is None:
        raise ImportError(
            "MXNet imports distutils, which Python 3.12 dropped and setuptools carries: "
            "run  pip install setuptools"
        )


def _wait_politely():
    """Have OpenMP's threads give up their core after microseconds of waiting, not milliseconds.

    Where anything else runs too, a thread that spins keeps the one that it waits for from its turn:
    training beside two busy processes is a third as fast. The library reads this when it is loaded.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def import_mxnet():
    """Import mxnet and return it.

    NumPy 1.24 removed the alias ``numpy.bool`` (NumPy 1.20 deprecated it), which MXNet uses while
    it is imported and afterwards; it is put back as what it was, Python's ``bool``. And see
    `_wait_politely`. Nothing else is changed.

    Raises:
        ImportError: what is missing or too new, and the command that mends it.
    """
    _require_what_mxnet_needs()
    _wait_politely()
    # Not hasattr(): on NumPy 1.20 to 1.23 that alone triggers the deprecation warning.
    if "bool" not in vars(numpy):
        numpy.bool = bool
    with warnings.catch_warnings():
        # MXNet's own: invalid escapes in docstrings, distutils' deprecation.
        warnings.simplefilter("ignore")
        if sys.version_info >= (3, 12):
            import setuptools  # noqa: F401  (its import provides distutils)
        try:
            import mxnet
        except OSError as error:
            raise ImportError(
                f"MXNet's library does not load ({error}): install the system library that it "
                "names (on Debian and Ubuntu libgomp1, libquadmath0; for a CUDA build the CUDA "
                "libraries, cuDNN 8 and NCCL 2)"
            ) from error
    return mxnet


import_mxnet()
