"""Show what is installed here, and what will compute."""

from __future__ import annotations

import argparse
import os

from gluon_gru.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Print the facts as a table or as JSON."""
    from gluon_gru import engine
    from gluon_gru.mxnet_import import installed
    from gluon_gru.runs.environment import environment

    device = "cpu(0)"
    if installed():
        from gluon_gru.training.device import context

        device = str(context("auto"))
    facts = {
        "gluon_gru": options.version(),
        **environment(device),
        "why": engine.info()["why"],
        "GLUON_GRU_CORPUS": os.environ.get("GLUON_GRU_CORPUS", "not set"),
    }
    options.show(args, facts, lambda: options.aligned(facts))
