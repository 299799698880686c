"""What readers' notes state on clipping: that it mends exploding gradients."""

from __future__ import annotations

import math
import random
from typing import Any, Dict, List, Tuple

import numpy

from gluon_gru.published.claims import Claim, fused
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import NOTES
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import protocol, title, trained
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.training.learner import learner_of

CLIPPING_MENDS = Claim(
    "exploding-gradients/clipping", NOTES, "Clipping the gradients mends that they explode."
)

_MODELS = ("rnn-scratch", "rnn-concise", "gru-scratch")

#: (model, whether it was clipped) -> for each seed, the perplexity at the end.
Ends = Dict[Tuple[str, bool], List[float]]


@Exercise(
    "exploding-gradients",
    "Does clipping mend exploding gradients?",
    "Where the product of the steps grows, one minibatch may have a gradient hundreds of times as "
    "long as the others, and one step along it throws the weights to where nothing is learnt any "
    "more. Clipping keeps its direction and cuts its length, so that no step is longer than the "
    "learning rate.",
    _MODELS,
)
def exploding_gradients(context: Context) -> Answer:
    """Train the models without clipping too, from the same seeds."""
    with_clipping = trained(_MODELS, context)
    epochs = len(with_clipping[_MODELS[0]][0].history)
    keys = [(name, seed) for name in _MODELS for seed in context.seeds]
    found = context.each(
        without_clipping,
        [(name, seed, epochs, context.source, str(context.ctx)) for name, seed in keys],
        "training",
    )
    ends: Ends = {}
    for name, models in with_clipping.items():
        ends[name, True] = [model.history.perplexity[-1] for model in models]
        ends[name, False] = [free[-1] for (of, _), free in zip(keys, found) if of == name]
    # The epochs before the one without a finite loss, where there is one.
    lasted = {
        name: [
            len(free) - 1
            for (of, _), free in zip(keys, found)
            if of == name and math.isinf(free[-1])
        ]
        for name in _MODELS
    }
    verdict = _mends(context, ends, epochs)
    return Answer(
        verdict.evidence,
        [verdict],
        [
            Table(
                ["model", "clipped", "not clipped", "no finite loss after epochs"],
                [
                    [
                        title(name),
                        *(spread(ends[name, how], "{:.2f}".format) for how in (True, False)),
                        spread(lasted[name], "{:.0f}".format) if lasted[name] else "",
                    ]
                    for name in _MODELS
                ],
                f"Perplexity after {epochs} epochs, or where the loss was no longer finite (inf): "
                "median (and range)",
            )
        ],
    )


def _mends(context: Context, ends: Ends, epochs: int) -> Verdict:
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


def without_clipping(
    name: str, seed: int, epochs: int, source: tuple[Any, Any], device: str
) -> list[float]:
    """Train as the chapter does, but without clipping; return the perplexity by epoch.

    It ends early, with infinity, where the loss is no longer finite.

    Args:
        name: of the protocol.
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
    with learner_of(model, ctx, clip_norm=float(numpy.finfo("float32").max)) as learner:
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
