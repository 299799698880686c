"""The notes on the two ways to cut a text: random sampling against sequential partitioning."""

from __future__ import annotations

import statistics
from typing import Mapping

from gluon_gru.gates.holding import rows
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import NOTES
from gluon_gru.report.document import Table
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises.comparing import Comparison, compare
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import protocol, title
from gluon_gru.training.learner import learner_of
from gluon_gru.training.metrics import perplexity

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

# In the median of paired epochs, the machine's noise is below that.
_COSTS_MORE = 1.03


@Exercise(
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
    compared = compare(names, context)
    scores = {
        name: [_scores(model.checkpoint, context) for model in seeds]
        for name, seeds in compared.models.items()
    }
    return Answer(
        [_perplexity(context, compared, scores), _cost(context, compared)],
        [*compared.tables(), _table(scores)],
        [compared.picture("sampling.png", "Perplexity by epoch, both ways to cut the text")],
    )


def _scores(checkpoint, context):
    """Return a trained model's perplexity on its text, ``(state carried on, state anew)``.

    Carried on: in the rows that sequential partitioning trains on, each read from its start to its
    end. Anew: the same cut into sequences of num_steps, each read from a state of zeros.
    """
    of = protocol(_MODELS[0])
    model, _ = restore(checkpoint, context.ctx)
    X, Y = rows(context.source[0][: of.max_tokens])
    with learner_of(model, context.ctx) as learner:
        return tuple(
            perplexity(learner.score(X.reshape(-1, width), Y.reshape(-1, width), from_zeros=True))
            for width in (X.shape[1], of.num_steps)
        )


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


def _perplexity(context: Context, compared: Comparison, scores: Mapping[str, list]) -> Verdict:
    ways = {name: [compared.ends(name), *zip(*pairs)] for name, pairs in scores.items()}
    rises = [
        statistics.median(at_random) > statistics.median(sequentially)
        for model in _MODELS
        for at_random, sequentially in zip(ways[f"{model}-random"], ways[model])
    ]
    shown = "; ".join(
        f"{title(model)}: {compared.shown(model)} sequentially, "
        f"{compared.shown(f'{model}-random')} at random"
        for model in _MODELS
    )
    return context.judge(
        PERPLEXITY,
        "The chapter's protocol with both; perplexity at the end. With "
        "random sampling each sequence is also scored from a state of zeros, so the trained models "
        "are scored alike as well, in both ways (table below); it holds if it rises in every way.",
        f"In training, {shown}. It rises in {sum(rises)} of {len(rises)} comparisons.",
        rises,
        {name: {"training": compared.ends(name), "alike": scores[name]} for name in scores},
    )


def _cost(context: Context, compared: Comparison) -> Verdict:
    ratios = {model: compared.times_as_long(f"{model}-random", model) for model in _MODELS}
    shown = "; ".join(
        f"{title(model)} {spread(values, '{:.2f}'.format)}" for model, values in ratios.items()
    )
    return context.judge(
        COST,
        "Epochs of both in turns; it costs more if, in the median round, an epoch takes 3% longer.",
        f"An epoch with random sampling takes this many times as long: {shown}.",
        [statistics.median(values) > _COSTS_MORE for values in ratios.values()],
        compared.figures,
    )
