"""Importing this hides MXNet from the process, as if it weren't installed."""

import sys


class _Hiding:
    """Finds what another finder finds, but not MXNet."""

    def __init__(self, finder):
        self._finder = finder

    def __getattr__(self, name):
        return getattr(self._finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name == "mxnet" else self._finder.find_spec(name, path, target)


assert "mxnet" not in sys.modules
sys.meta_path[:] = map(_Hiding, sys.meta_path)
