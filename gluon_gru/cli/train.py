"""Train a language model on a text of your own.

The text's end is held out; the model that predicts it best is kept. What you don't say follows
from the text's size.
"""

import argparse
import json
import pathlib
import shlex

from tabulate import tabulate

from gluon_gru import own_texts
from gluon_gru.cli import options as cli
from gluon_gru.own_texts.folder import best_round
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
            ("cell", tuple(CELLS), "gru is the book's, gru-after cuDNN's (gru)"),
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


def add_arguments(parser):
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
    cli.add_json(parser)
    for title, options in _GROUPS:
        group = parser.add_argument_group(title)
        for name, kind, what in options:
            takes = {"choices": kind} if isinstance(kind, tuple) else {"type": kind}
            # What isn't given is left out, for the defaults to see.
            group.add_argument(
                f"--{name}",
                default=argparse.SUPPRESS,
                help=what,
                **takes,
                **({} if "choices" in takes else {"metavar": "N"}),
            )


def run(args):
    """Train; print the table, or the JSON."""
    given = dict(vars(args))
    text, out, as_json, resume = (given.pop(name) for name in ("text", "out", "json", "resume"))
    with cli.resumable(f"the rounds that were finished are kept in {out}; to go on", "--resume"):
        record = own_texts.train(text, out, resume, cli.command(), **given)
    found = _summary(record, out)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print(tabulate(found["table"].items(), tablefmt="plain", disable_numparse=True))
    print(f"\nCurve: {found['curve']}\nNow:   {found['generate']}")


def _summary(record, out):
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
