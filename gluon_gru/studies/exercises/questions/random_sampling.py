"""The notes on the two ways to cut a text: random sampling against sequential partitioning."""

from __future__ import annotations

import statistics
from typing import Mapping

from gluon_gru.gates.holding import rows
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import NOTES
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises import plots
from gluon_gru.studies.exercises.comparing import (
    Models,
    Speeds,
    figures,
    final,
    in_turns,
    side_by_side,
    times_as_long,
)
from gluon_gru.studies.exercises.exercise import Answer, Context, exercise
from gluon_gru.studies.exercises.trained import TrainedModel, protocol, title

PERPLEXITY = Claim(
    "sampling/perplexity",
    NOTES,
    "With random sampling instead of sequential partitioning the perplexity of the same "
    "model rises.",
)
COST = Claim(
    "sampling/cost", NOTES, "Random sampling costs more time than sequential partitioning."
)

_MODELS = ("rnn-scratch", "gru-concise")

# Noise of the machine is below that, in the median of paired epochs.
_COSTS_MORE = 1.03


@exercise(
    "sampling",
    "Sequential partitioning against random sampling, the same model.",
    "With sequential partitioning the state is carried from one minibatch to the next, so a "
    "prediction can use more than the num_steps characters before it; with random sampling "
    "every sequence starts from a zero state, and its first characters are predicted from "
    "next to nothing. That raises the perplexity over the training text whatever the model "
    "has learnt.",
)
def random_sampling(context: Context) -> Answer:
    """Train the models both ways with every seed."""
    names = [name for model in _MODELS for name in (model, f"{model}-random")]
    models = context.trained.get(names)
    speeds = in_turns(names, context)
    scores = {name: [_scores(model, context) for model in models[name]] for name in names}
    return Answer(
        [_perplexity(context, models, scores), _cost(context, models, speeds)],
        [*side_by_side(models, speeds), _table(scores)],
        {
            "sampling.png": (
                "Perplexity by epoch, both ways to cut the text",
                plots.perplexity(models),
            )
        },
    )


def _scores(trained: TrainedModel, context: Context) -> tuple[float, ...]:
    """Return a trained model's perplexity on its text, ``(state carried on, state anew)``.

    Carried on: in the rows that sequential partitioning trains on, each read from its start to its
    end. Anew: the same cut into sequences of num_steps, each read from a state of zeros.
    """
    from gluon_gru.runs.restore import restore
    from gluon_gru.training.learner import learner_of
    from gluon_gru.training.metrics import perplexity

    of = protocol(trained.name)
    model, _ = restore(trained.checkpoint, context.ctx)
    X, Y = rows(context.source[0][: of.max_tokens])
    with learner_of(model, context.ctx) as learner:
        losses = [
            learner.score(X.reshape(-1, width), Y.reshape(-1, width), from_zeros=True)
            for width in (X.shape[1], of.num_steps)
        ]
    return tuple(map(perplexity, losses))


def _table(scores):
    return Table(
        ["model", "carried on", "anew"],
        [
            [title(name), *(spread(values, "{:.3f}".format) for values in zip(*pairs))]
            for name, pairs in scores.items()
        ],
        "The trained models scored alike on their text: with the state carried on, and with a "
        "state of zeros every num_steps characters",
    )


def _perplexity(
    context: Context, models: Models, scores: Mapping[str, list[tuple[float, ...]]]
) -> Verdict:
    perplexities = {name: [final(models[name]), *map(list, zip(*scores[name]))] for name in models}
    rises = [
        statistics.median(at_random) > statistics.median(sequentially)
        for model in _MODELS
        for at_random, sequentially in zip(perplexities[f"{model}-random"], perplexities[model])
    ]
    shown = "; ".join(
        f"{title(model)}: {spread(final(models[model]), '{:.3f}'.format)} sequentially, "
        f"{spread(final(models[f'{model}-random']), '{:.3f}'.format)} at random"
        for model in _MODELS
    )
    return context.judge(
        PERPLEXITY,
        "The chapter's protocol with both; perplexity at the end. With "
        "random sampling each sequence is also scored from a state of zeros, so the trained models "
        "are scored alike as well, in both ways (table below); it holds if it rises in every way.",
        f"In training, {shown}. It rises in {sum(rises)} of {len(rises)} comparisons.",
        rises,
        {name: {"training": final(models[name]), "alike": scores[name]} for name in models},
    )


def _cost(context: Context, models: Models, speeds: Speeds) -> Verdict:
    ratios = {model: times_as_long(speeds[f"{model}-random"], speeds[model]) for model in _MODELS}
    shown = "; ".join(
        f"{title(model)} {statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"
        for model, values in ratios.items()
    )
    return context.judge(
        COST,
        "Epochs of both in turns; it costs more if, in the median round, an epoch takes 3% longer.",
        f"An epoch with random sampling takes this many times as long: {shown}.",
        [statistics.median(values) > _COSTS_MORE for values in ratios.values()],
        figures(models, speeds),
    )
