"""The notes on the two ways to cut a text: random sampling against sequential partitioning."""

from __future__ import annotations

import statistics

from gluon_gru.gates.holding import rows
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import NOTES, OURS
from gluon_gru.published.two_samples import Shift, shift
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
FROM_ZEROS = Claim(
    "sampling/from-zeros",
    OURS,
    "A model trained by random sampling is the better one where every sequence is read from a state "
    "of zeros.",
)
COST = Claim(
    "sampling/cost", NOTES, "Random sampling costs more time than sequential partitioning."
)

_MODELS = ("rnn-scratch", "gru-concise")
_NAMES = [name for model in _MODELS for name in (model, f"{model}-random")]

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
    _NAMES,
)
def random_sampling(context: Context) -> Answer:
    """Train the models both ways with every seed."""
    compared = compare(_NAMES, context)
    scores = {
        name: [_scores(model.checkpoint, context) for model in seeds]
        for name, seeds in compared.models.items()
    }
    anew = {name: [score for _, score in pairs] for name, pairs in scores.items()}
    shifts = {model: shift(anew[f"{model}-random"], anew[model]) for model in _MODELS}
    ends = [
        f"from {compared.median(model):.2f} to {compared.median(f'{model}-random'):.2f} "
        f"({title(model)})"
        for model in _MODELS
    ]
    return Answer(
        "With random sampling the perplexity that training prints goes "
        f"{' and '.join(ends)}; read from a state of zeros, the models' perplexities differ by "
        f"{' and '.join(f'{one.estimate:+.2f}' for one in shifts.values())}.",
        [_perplexity(context, compared), _from_zeros(context, shifts), _cost(context, compared)],
        [*compared.tables(), _table(scores)],
        [compared.curves("sampling.png", "Perplexity by epoch, both ways to cut the text")],
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


def _perplexity(context: Context, compared: Comparison) -> Verdict:
    shifts = {model: compared.shift(f"{model}-random", model) for model in _MODELS}
    shown = "; ".join(
        f"{title(model)}: {compared.shown(model)} sequentially, "
        f"{compared.shown(f'{model}-random')} at random, which is {shifts[model].show()}"
        for model in _MODELS
    )
    return context.judge(
        PERPLEXITY,
        "The chapter's protocol with both; the perplexity that training prints, its median over the "
        "last ten epochs. It rises if, by the seeds, the whole interval of the difference is above 0.",
        f"{shown}.",
        [one.low > 0 for one in shifts.values()],
        {name: compared.settled(name) for name in _NAMES},
    )


def _from_zeros(context: Context, shifts: dict[str, Shift]) -> Verdict:
    shown = "; ".join(f"{title(model)} {one.show()}" for model, one in shifts.items())
    return context.judge(
        FROM_ZEROS,
        "The trained models, scored alike: on their training text, each sequence of num_steps "
        "characters read from a state of zeros (table below).",
        f"After random sampling the perplexity differs by: {shown}.",
        [one.high < 0 for one in shifts.values()],
        {model: one._asdict() for model, one in shifts.items()},
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
