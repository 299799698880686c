"""Train a language model on a text of your own.

The end of the text is held out, and the model that predicts it best is kept. Defaults depend on the
size of the text.
"""

from __future__ import annotations

import argparse
import pathlib
import shlex
import sys
from typing import TYPE_CHECKING, Any

from gluon_gru.cli import options
from gluon_gru.own_texts.settings import CELLS, MAX_VALIDATION, SAMPLINGS, SGD_LR, default
from gluon_gru.report import terminal
from gluon_gru.text.rules import CASES, LINES, TOKENS
from gluon_gru.training.learner import OPTIMIZERS

if TYPE_CHECKING:
    from gluon_gru.own_texts.plan import Plan

# Group -> its settings: name, type or choices, and help, to which the default is added.
_GROUPS = {
    "text": (
        ("tokens", TOKENS, "what the text is split into"),
        ("case", CASES, "keep capitals, or fold them to lower case"),
        ("encoding", str, options.ENCODING),
        ("lines", LINES, "shuffle them where their order means nothing, as in a list of words"),
        (
            "validation",
            float,
            f"the share held out at the text's end, at most {MAX_VALIDATION:,} tokens",
        ),
    ),
    "model": (
        ("cell", CELLS, "gru-after is the GRU of Gluon, PyTorch and cuDNN, gru the book's"),
        ("num_hiddens", int, "hidden units per layer"),
        ("num_layers", int, "layers"),
        ("dropout", float, "share of hidden units dropped between layers"),
    ),
    "training": (
        ("optimizer", OPTIMIZERS, "sgd is the book's"),
        ("lr", float, f"learning rate; for sgd {SGD_LR}, for adam"),
        ("decay", float, "share of lr that is left after all epochs, along a cosine"),
        ("batch_size", int, "sequences per minibatch"),
        ("num_steps", int, "tokens per sequence"),
        ("sampling", SAMPLINGS, "whether minibatches continue each other or start anywhere"),
        (
            "epochs",
            float,
            "when to end at the latest, also within an epoch; the default is lower if training "
            "would take too long",
        ),
        (
            "patience",
            int,
            "stop after this many rounds without a better model; a round is an epoch, several "
            "of a short text, or a million tokens of a long one",
        ),
        ("seed", int, "seed of the weights and all other random numbers"),
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.epilog = (
        "example:\n  gluon-gru train my.txt --out runs/mine\n\n"
        "In parentheses: the default, or its range over sizes of text."
    )
    parser.add_argument("text", metavar="TEXT", help=options.TEXT)
    parser.add_argument("--out", metavar="RUN", required=True, help="a folder for the run")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in the folder, if there is one"
    )
    parser.add_argument(
        "--from",
        dest="from_run",
        metavar="RUN",
        help="start from this trained model, a run's folder or checkpoint, instead of new weights; "
        "what is new in the text is added to its vocabulary",
    )
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="also write event files into the folder, which TensorBoard shows; takes the package "
        "tensorboardX: pip install 'gluon_gru[tensorboard]'",
    )
    options.add_json(parser)
    for title, settings in _GROUPS.items():
        group = parser.add_argument_group(title)
        for name, kind, what in settings:
            takes: dict[str, Any] = {"type": kind, "metavar": "NAME" if kind is str else "N"}
            if isinstance(kind, tuple):
                takes = {"choices": kind}
            # What isn't given stays out of args: its default depends on the text.
            group.add_argument(
                f"--{name.replace('_', '-')}",
                default=argparse.SUPPRESS,
                help=f"{what} ({default(name)})",
                **takes,
            )


def run(args: argparse.Namespace) -> None:
    """Train; print the result as a table or as JSON."""
    from gluon_gru import own_texts

    given = dict(vars(args))
    text, out, _ = (given.pop(name) for name in ("text", "out", "json"))
    with options.resumable(f"finished rounds are kept in {out}; to go on", "--resume"):
        record = own_texts.train(text, out, command=options.command(), on_plan=tell_plan, **given)
    summary = _summary(record, out)
    curve, now = f"Curve: {summary['curve']}", f"Now:   {summary['generate']}"
    options.show(args, summary, lambda: f"{result(record)}\n\n{curve}\n{now}")


def tell_plan(plan: Plan) -> None:
    """Print to stderr what a training will be."""
    chosen = plan.settings
    layers = "a layer" if chosen.num_layers == 1 else f"{chosen.num_layers} layers"
    epochs = f"up to {_count(chosen.epochs, 'epoch')}"
    if plan.epochs_done:
        epochs = f"from epoch {_short(plan.epochs_done)} to {_short(chosen.epochs)}"
    facts = {
        "model": f"{chosen.cell}, {layers} of {chosen.num_hiddens} units: {plan.num_params:,} "
        "parameters",
        "text": f"{plan.num_training:,} {chosen.tokens} to train on, {plan.num_held_out:,} held "
        f"out; a vocabulary of {plan.vocab_size:,}",
        "training": f"{epochs}, {_about(plan.seconds)} on this "
        "machine; sooner if the held-out part is predicted no better",
    }
    options.tell(options.aligned(facts, sys.stderr) + "\n")


def _about(seconds: float) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"about {seconds / length:.2g} {unit}s"
    return f"about {_count(float(f'{max(seconds, 1):.2g}'), 'second')}"


def _count(number: float, what: str) -> str:
    return f"{_short(number)} {what}{'' if number == 1 else 's'}"


def _short(number: float) -> str:
    return f"{round(number, 2):,g}"


def result(record: dict[str, Any]) -> str:
    """Return the table of a finished run, a sample, and what the model is worth, for stdout.

    Args:
        record: the content of its ``record.json``.
    """
    from gluon_gru.own_texts.comparing import verdict

    sample = terminal.quoted(record["comparison"]["sample"], sys.stdout)
    said = terminal.wrapped(verdict(record), sys.stdout)
    return f"{options.aligned(_table(record))}\n\nA sample of what it writes:\n{sample}\n\n{said}"


def _summary(record: dict[str, Any], out: str) -> dict[str, Any]:
    rounds = record["rounds"]
    return {
        "run": str(out),
        "rounds": len(rounds),
        "epochs": rounds[-1]["epoch"],
        "best": record["best"],
        "comparison": record["comparison"],
        "seconds": _seconds(record),
        "engine": record["engine"],
        "started_from": record.get("started_from"),
        "settings": record["settings"],
        "curve": str(pathlib.Path(out) / "curve.png"),
        "generate": shlex.join(["gluon-gru", "generate", str(out)]),
        "table": _table(record),
    }


def _seconds(record: dict[str, Any]) -> float:
    return sum(done["seconds"] for done in record["rounds"])


def _table(record: dict[str, Any]) -> dict[str, str]:
    rounds, best, text = record["rounds"], record["best"], record["text"]
    bits = f"{best['bits_per_character']:.3f}"
    # Records of version 0.1.0 lack them.
    unknown, spelling = text.get("unknown_held_out"), text.get("spelling_bits_per_character")
    if unknown:
        bits += f" ({best['bits_per_character'] + spelling:.3f} with <unk> spelled out)"
    start, of_start = record.get("started_from"), {}
    if start:
        new = text["vocab_size"] - start["vocab_size"]
        vocabulary = f"{text['vocab_size']:,} tokens, {new:,} of them new"
        of_start = {"started from": start["name"], "vocabulary": vocabulary}
    return {
        "held-out perplexity": f"{best['validation_perplexity']:.4g} (best round)",
        "bits per character": bits,
        **({"unknown, held out": f"{unknown:.1%} (as <unk>)"} if unknown else {}),
        "epoch of the best": _short(best["epoch"]),
        "rounds": f"{len(rounds)} ({_count(rounds[-1]['epoch'], 'epoch')})",
        **of_start,
        "time": f"{_seconds(record):,.0f} s",
        "tokens/sec": f"{best['tokens_per_sec']:,.0f}",
        "engine": record["engine"],
    }
