"""Tell how well a trained model predicts a text: perplexity and bits per character."""

import dataclasses
import json

from tabulate import tabulate

from gluon_gru import own_texts
from gluon_gru.cli import options as cli


def add_arguments(parser):
    """Give the parser what this subcommand takes."""
    parser.epilog = (
        "example:\n  gluon-gru evaluate runs/mine other.txt\n\n"
        "Tokens that the model has not learned count as <unk>, and are predicted as "
        "such.\nAll tokens but the first are predicted, from a hidden state of zeros."
    )
    parser.add_argument(
        "run", metavar="RUN", help="a run's folder, or a .safetensors file of gluon_gru.train"
    )
    parser.add_argument("text", metavar="TEXT", help="a text file, UTF-8")
    cli.add_json(parser)


def run(args):
    """Print the table, or the JSON."""
    found = own_texts.evaluate(args.run, args.text)
    if args.json:
        print(json.dumps(dataclasses.asdict(found), indent=1))
        return
    print(
        tabulate(
            {
                "perplexity": f"{found.perplexity:.4f}",
                "bits per character": f"{found.bits_per_character:.4f}",
                "tokens": f"{found.num_tokens:,}",
                "characters": f"{found.num_characters:,}",
                "unknown tokens": f"{found.num_unknown:,} (as <unk>)",
            }.items(),
            tablefmt="plain",
            disable_numparse=True,
        )
    )
