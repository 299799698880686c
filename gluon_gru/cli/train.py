"""Train a language model on a text of your own.

The text's end is held out; the model that predicts it best is kept. What you don't say follows
from the text's size.
"""

from __future__ import annotations

import argparse
import pathlib
import shlex
from typing import Any

from gluon_gru.cli import options
from gluon_gru.own_texts.settings import CELLS, SAMPLINGS
from gluon_gru.text.reading import CASES, TOKENS
from gluon_gru.training.learner import OPTIMIZERS

_GROUPS = (
    (
        "text",
        (
            ("tokens", TOKENS, "what it is made of (characters)"),
            ("case", CASES, "keep it, or fold all to lower case (keep)"),
            (
                "validation",
                float,
                "the share at its end that is held out, at most 200,000 tokens (0.1)",
            ),
        ),
    ),
    (
        "model",
        (
            ("cell", CELLS, "gru is the book's, gru-after cuDNN's (gru)"),
            ("num-hiddens", int, "hidden units a layer (64 to 512)"),
            ("num-layers", int, "layers (2; 1 below 3,000 tokens, and from 300,000 to 3 million)"),
            (
                "dropout",
                float,
                "share of hidden units dropped between layers (0.5 up to 300,000 tokens, then 0)",
            ),
        ),
    ),
    (
        "training",
        (
            ("optimizer", OPTIMIZERS, "sgd is the book's (adam)"),
            (
                "lr",
                float,
                "learning rate (adam: 0.005; 0.003 from 300,000 tokens on, 0.002 from 3 "
                "million on; sgd: 1)",
            ),
            (
                "decay",
                float,
                "share of lr that is left at the end of all epochs, along a cosine (0.1)",
            ),
            ("batch-size", int, "sequences in a minibatch (4 to 64)"),
            ("num-steps", int, "tokens in a sequence (16 to 64)"),
            (
                "sampling",
                SAMPLINGS,
                "do minibatches continue each other, or come from anywhere? (sequential)",
            ),
            (
                "epochs",
                float,
                "when to end at the latest; parts of one are possible (60 or fewer, "
                "as the time they take allows)",
            ),
            (
                "patience",
                int,
                "rounds without a better model after which to stop (5); a round is an "
                "epoch, several of a short text, a million tokens of a long one",
            ),
            ("seed", int, "of all that is drawn (1)"),
        ),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser what this subcommand takes."""
    parser.epilog = (
        "example:\n  gluon-gru train my.txt --out runs/mine\n\n"
        "In parentheses: the default, or what it ranges over by the text's size."
    )
    parser.add_argument("text", metavar="TEXT", help="a text file, UTF-8")
    parser.add_argument("--out", metavar="RUN", required=True, help="a folder for the run")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in the folder, if there is one"
    )
    options.add_json(parser)
    for title, settings in _GROUPS:
        group = parser.add_argument_group(title)
        for name, kind, what in settings:
            takes: dict[str, Any] = (
                {"choices": kind} if isinstance(kind, tuple) else {"type": kind, "metavar": "N"}
            )
            # What isn't given is left out, for the defaults to see.
            group.add_argument(f"--{name}", default=argparse.SUPPRESS, help=what, **takes)


def run(args: argparse.Namespace) -> None:
    """Train; print the table, or the JSON."""
    from gluon_gru import own_texts

    given = dict(vars(args))
    text, out, _, resume = (given.pop(name) for name in ("text", "out", "json", "resume"))
    with options.resumable(
        f"the rounds that were finished are kept in {out}; to go on", "--resume"
    ):
        record = own_texts.train(text, out, resume, options.command(), **given)
    summary = _summary(record, out)
    options.show(
        args,
        summary,
        lambda: (
            f"{options.aligned(summary['table'])}\n\n"
            f"Curve: {summary['curve']}\nNow:   {summary['generate']}"
        ),
    )


def _summary(record: dict[str, Any], out: str) -> dict[str, Any]:
    from gluon_gru.own_texts.folder import best_round

    rounds, best = record["rounds"], best_round(record["rounds"])
    seconds = sum(done["seconds"] for done in rounds)
    return {
        "run": str(out),
        "rounds": len(rounds),
        "epochs": rounds[-1]["epoch"],
        "best": best,
        "seconds": seconds,
        "engine": record["engine"],
        "settings": record["settings"],
        "curve": str(pathlib.Path(out) / "curve.png"),
        "generate": shlex.join(["gluon-gru", "generate", str(out)]),
        "table": {
            "rounds": f"{len(rounds)} ({rounds[-1]['epoch']:.3g} epochs)",
            "best perplexity, held out": f"{best['validation_perplexity']:.4g}",
            "bits per character": f"{best['bits_per_character']:.3f}",
            "epoch of the best": f"{best['epoch']:.3g}",
            "time": f"{seconds:,.0f} s",
            "tokens/sec": f"{best['tokens_per_sec']:,.0f}",
            "engine": record["engine"],
        },
    }
