"""What readers' notes state on clipping: that it mends exploding gradients."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy

from gluon_gru.published.claims import Claim, fused
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import NOTES
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import protocol, title
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.training.learner import CLIP_NORM, learner_of

CLIPPING_MENDS = Claim(
    "exploding-gradients/clipping", NOTES, "Clipping the gradients mends that they explode."
)

_MODELS = ("rnn-scratch", "rnn-concise", "gru-scratch")
_EPOCHS, _QUICK_EPOCHS = 50, 5


@Exercise(
    "exploding-gradients",
    "Does clipping mend exploding gradients?",
    "Where the product of the steps grows, one minibatch may have a gradient hundreds of times as "
    "long as the others, and one step along it throws the weights to where nothing is learnt any "
    "more. Clipping keeps its direction and cuts its length, so that no step is longer than the "
    "learning rate.",
)
def exploding_gradients(context: Context) -> Answer:
    """Train models with and without clipping, with every seed."""
    epochs = _QUICK_EPOCHS if context.quick else _EPOCHS
    keys = [
        (name, clipped, seed)
        for name in _MODELS
        for clipped in (True, False)
        for seed in context.seeds
    ]
    found = iter(
        context.each(
            perplexities,
            [
                (name, clipped, seed, epochs, context.source, str(context.ctx))
                for name, clipped, seed in keys
            ],
            "training",
        )
    )
    ends: dict[tuple[str, bool], list[float]] = {}
    for name, clipped, _ in keys:
        ends.setdefault((name, clipped), []).append(next(found)[-1])
    verdict = _mends(context, ends, epochs)
    return Answer(
        verdict.evidence,
        [verdict],
        [
            Table(
                ["model", "clipped", "not clipped"],
                [
                    [
                        title(name),
                        *(spread(ends[name, how], "{:.2f}".format) for how in (True, False)),
                    ]
                    for name in _MODELS
                ],
                f"Perplexity after {epochs} epochs, or where the loss was no longer finite (inf): "
                "median (and range)",
            )
        ],
    )


def _mends(context: Context, ends: dict[tuple[str, bool], list[float]], epochs: int) -> Verdict:
    guessing = len(context.source[1])
    # Those that are better off without clipping, or as well, have nothing to mend.
    exploded = {
        name: [
            clipped for clipped, free in zip(ends[name, True], ends[name, False]) if free > guessing
        ]
        for name in _MODELS
    }
    shown = "; ".join(
        f"{len(some)} of {context.num_seeds} ({title(name)})"
        + (f", with clipping then {spread(some, '{:.2f}'.format)}" if some else "")
        for name, some in exploded.items()
    )
    cases = [end < guessing / 2 for some in exploded.values() for end in some]
    return context.judge(
        CLIPPING_MENDS,
        f"The chapter's training for {epochs} epochs with and without clipping. It explodes if it "
        f"ends above the perplexity of guessing, {guessing}, and is mended if with clipping the same "
        "seed ends below half of that.",
        f"Without clipping explode: {shown}.",
        cases or [False],
        {
            f"{name}, {'clipped' if clipped else 'not clipped'}": [
                value if math.isfinite(value) else None for value in values
            ]
            for (name, clipped), values in ends.items()
        },
    )


def perplexities(
    name: str, clipped: bool, seed: int, epochs: int, source: tuple[Any, Any], device: str
) -> list[float]:
    """Train as the chapter does, with or without clipping; return the perplexity by epoch.

    It ends early, with infinity, where the loss is no longer finite.

    Args:
        name: of the protocol.
        clipped: whether gradients are clipped.
        seed: of the weights and the minibatches.
        epochs: how many.
        source: the text's ``(tokens, vocab)``.
        device: ``cpu(0)``, ...
    """
    from gluon_gru.text.minibatches import SeqDataLoader
    from gluon_gru.training.device import context
    from gluon_gru.training.loop import set_seed

    of, ctx = protocol(name), context(device)
    set_seed(seed)
    loader = SeqDataLoader(
        of.batch_size, of.num_steps, False, of.max_tokens, source, random.Random(seed)
    )
    model = MODELS[fused(of.model)].make(of, len(source[1]), ctx)
    found: list[float] = []
    norm = CLIP_NORM if clipped else float(numpy.finfo("float32").max)
    with learner_of(model, ctx, clip_norm=norm) as learner:
        for _ in range(epochs):
            losses = [
                float(learner.step(X, Y, of.lr, from_zeros=not number))
                for number, (X, Y) in enumerate(learner.minibatches(loader))
            ]
            mean = sum(losses) / len(losses)
            if not math.isfinite(mean) or mean > 50:
                return [*found, math.inf]
            found.append(math.exp(mean))
    return found
