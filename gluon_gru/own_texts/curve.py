"""The picture of a run on a text of one's own: perplexity by epoch."""

from __future__ import annotations

from typing import Any

from gluon_gru.cells import OPTIONS
from gluon_gru.own_texts.folder import best_round
from gluon_gru.report.document import Curve, Curves, Point


def curve_png(record: dict[str, Any]) -> bytes:
    """Draw perplexity by epoch of the training and the held-out part, the best round marked.

    Args:
        record: what the run's record holds.

    Returns:
        The bytes of a PNG file.
    """
    from gluon_gru.report.pictures import pictures

    rounds, settings = record["rounds"], record["settings"]
    epochs, best = [done["epoch"] for done in rounds], best_round(rounds)
    cell = OPTIONS[settings["cell"]].name

    def curve(label: str, name: str, dashed: bool) -> Curve:
        return Curve(label, [[done[name] for done in rounds]], cell, epochs, dashed=dashed)

    block = Curves(
        f"{record['text']['name']}: {settings['cell']}, {settings['num_layers']} x "
        f"{settings['num_hiddens']} hidden units",
        "curve.png",
        [
            curve("held-out part", "validation_perplexity", False),
            curve("training part", "train_perplexity", True),
        ],
        [
            Point(
                best["epoch"],
                best["validation_perplexity"],
                f"best: {best['validation_perplexity']:.4g}",
                across=False,
            )
        ],
        ylabel=f"perplexity ({settings['tokens']})",
    )
    return pictures([block])[block.file]
