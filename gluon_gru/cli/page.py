"""Write a page that runs a trained model in the browser.

One HTML file, which needs no network: type or paste a text, and see at each token how surprised the
model was, what it expected, and what the gates of a unit do; have the model continue the text.

The weights are in float16 if that changes no text that the model writes by itself, taking the
likeliest token each time, and the loss by no more than 0.1%; otherwise in float32. This is measured
on the model as the page is written.
"""

from __future__ import annotations

import argparse
import pathlib

from gluon_gru.cli import options

# A page of more bytes takes a phone a moment to open.
_LARGE = 4_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.epilog = "example:\n  gluon-gru page runs/mine --out mine.html"
    options.add_run(parser)
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("model.html"),
        metavar="FILE",
        help="the file to write",
    )
    options.add_force(parser, "FILE")


def run(args: argparse.Namespace) -> None:
    """Write the page; print what is in it and what rounding the weights changes."""
    options.check_target(args.out, args.force)
    print(*write(args.run, args.out), sep="\n")


def write(run: str, out: pathlib.Path) -> list[str]:
    """Write the page of a run's model to a file; return lines on what is in it."""
    from gluon_gru.convert import model_page
    from gluon_gru.convert.rounding import rounding
    from gluon_gru.convert.weights import doubts, taken_apart
    from gluon_gru.errors import shown
    from gluon_gru.own_texts.model import load_trained
    from gluon_gru.own_texts.writing import opening
    from gluon_gru.runs.files import write_whole

    learner, vocab, config = load_trained(run)
    with learner:
        params = learner.params()
    weights = taken_apart(params, config)
    model_page.check(weights, vocab, "float16")
    start = opening(vocab)
    changes = rounding(params, config, start, vocab.unk)
    precision = "float16" if changes.is_harmless else "float32"
    model_page.check(weights, vocab, precision)
    name = shown(pathlib.Path(run).name or run)
    data = model_page.to_bytes(name, {name: weights}, vocab, config, start, precision)
    if len(data) > _LARGE:
        options.tell(
            f"note: the page is of {len(data) / 1e6:.1f} MB, which a browser takes a while to open"
        )
    write_whole(out, data)
    size = f"{out}: {weights}, {len(data):,} bytes"
    return [size, f"{precision}: {changes}", *doubts(config)]
