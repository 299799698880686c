"""Measure how well a trained model predicts a text."""

from __future__ import annotations

import argparse
import dataclasses

from gluon_gru.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.epilog = (
        "example:\n  gluon-gru evaluate runs/mine other.txt\n\n"
        "It prints perplexity and bits per character over all tokens but the first,\n"
        "read from a hidden state of zeros. Tokens outside the vocabulary are <unk>."
    )
    options.add_run(parser)
    parser.add_argument("text", metavar="TEXT", help=options.TEXT)
    options.add_encoding(parser)
    parser.add_argument(
        "--window",
        type=int,
        metavar="TOKENS",
        help="read so many tokens at a time, each time from a hidden state of zeros",
    )
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Print the scores as a table or as JSON."""
    from gluon_gru import own_texts

    score = own_texts.evaluate(args.run, args.text, args.encoding, args.window)
    bits = f"{score.bits_per_character:.4f}"
    if score.num_unknown:
        bits += f" ({score.bits_per_character_spelled_out:.4f} with <unk> spelled out)"
    facts = {
        "perplexity": f"{score.perplexity:.4f}",
        "bits per character": bits,
        "tokens": f"{score.num_tokens:,}",
        "characters": f"{score.num_characters:,}",
        "unknown tokens": f"{score.num_unknown:,}, {score.num_unknown / score.num_tokens:.1%} (as <unk>)",
    }
    options.show(args, dataclasses.asdict(score), lambda: options.aligned(facts))
