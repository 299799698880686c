"""Tell what is installed here, what will compute, and where the corpus would come from."""

import json
import os

from tabulate import tabulate

from gluon_gru import engine
from gluon_gru.cli import options as cli
from gluon_gru.runs.environment import environment
from gluon_gru.training.device import context


def add_arguments(parser):
    """Give the parser what this subcommand takes."""
    cli.add_json(parser)


def run(args):
    """Print the table, or the JSON."""
    found = {
        "gluon_gru": cli.version(),
        **environment(context("auto")),
        "why": engine.info()["why"],
        "GLUON_GRU_CORPUS": os.environ.get("GLUON_GRU_CORPUS", "not set"),
    }
    print(
        json.dumps(found, indent=1)
        if args.json
        else tabulate(found.items(), tablefmt="plain", disable_numparse=True)
    )
