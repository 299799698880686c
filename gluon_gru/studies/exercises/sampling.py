"""The notes on the two ways to cut a text: random sampling against sequential partitioning."""

import statistics

import numpy

from gluon_gru.gates.holding import rows
from gluon_gru.published.judging import spread
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import plots
from gluon_gru.studies.exercises.answers import Answer, Finding, Table
from gluon_gru.studies.exercises.comparing import figures, final, side_by_side
from gluon_gru.studies.exercises.timing import in_turns, times_as_long
from gluon_gru.studies.exercises.trainings import PROTOCOLS, SAMPLING, title
from gluon_gru.studies.sweep.trial import score_perplexity
from gluon_gru.training.learner import learner_of

# Noise of the machine is below that, in the median of paired epochs.
_COSTS_MORE = 1.03


def answer(setting):
    """Return the `Answer`; trains the models both ways with every seed."""
    names = [name for model in SAMPLING for name in (model, f"{model}-random")]
    runs = setting.trainings.get(names)
    speeds = in_turns(names, setting)
    scores = {
        name: [_scores(training, setting) for training in trainings]
        for name, trainings in runs.items()
    }
    return Answer(
        [_perplexity(setting, runs, scores), _cost(setting, runs, speeds)],
        [*side_by_side(runs, speeds), _table(scores)],
        {
            "sampling.png": (
                "Perplexity by epoch, both ways to cut the text",
                plots.perplexity({title(name): trainings for name, trainings in runs.items()}),
            )
        },
    )


def _scores(training, setting):
    """Return a trained model's perplexity on its text, ``(state carried on, state anew)``.

    Carried on: in the rows that sequential partitioning trains on, each read from its start to its
    end. Anew: the same cut into sequences of num_steps, each read from a state of zeros.
    """
    protocol = PROTOCOLS["gru-scratch"]
    model, _ = restore(training.checkpoint, setting.ctx)
    X, Y = (
        numpy.array(side, numpy.int32) for side in rows(setting.source[0][: protocol.max_tokens])
    )
    with learner_of(model, setting.ctx) as learner:
        return tuple(
            score_perplexity(learner, [(X.reshape(-1, width), Y.reshape(-1, width))])
            for width in (X.shape[1], protocol.num_steps)
        )


def _table(scores):
    return Table(
        "The trained models scored alike on their text: with the state carried on, and with a "
        "state of zeros every num_steps characters",
        ["model", "carried on", "anew"],
        [
            [title(name), *(spread(values, "{:.3f}".format) for values in zip(*pairs))]
            for name, pairs in scores.items()
        ],
    )


def _perplexity(setting, runs, scores):
    rises = []
    for model in SAMPLING:
        for of in (
            lambda name: final(runs[name]),
            lambda name: [pair[0] for pair in scores[name]],
            lambda name: [pair[1] for pair in scores[name]],
        ):
            rises.append(statistics.median(of(f"{model}-random")) > statistics.median(of(model)))
    found = "; ".join(
        f"{title(model)}: {spread(final(runs[model]), '{:.3f}'.format)} sequentially, "
        f"{spread(final(runs[f'{model}-random']), '{:.3f}'.format)} at random"
        for model in SAMPLING
    )
    return Finding(
        "sampling/perplexity",
        "The chapter's protocol with both; perplexity at the end. With "
        "random sampling each sequence is also scored from a state of zeros, so the trained models "
        "are scored alike as well, in both ways (table below); it holds if it rises in every way.",
        f"In training, {found}. It rises in {sum(rises)} of {len(rises)} comparisons.",
        setting.verdict(rises),
        {name: {"training": final(runs[name]), "alike": scores[name]} for name in runs},
    )


def _cost(setting, runs, speeds):
    ratios = {model: times_as_long(speeds[f"{model}-random"], speeds[model]) for model in SAMPLING}
    found = "; ".join(
        f"{title(model)} {statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"
        for model, values in ratios.items()
    )
    return Finding(
        "sampling/cost",
        "Epochs of both in turns; it costs more if, in the median round, an epoch takes 3% longer.",
        f"An epoch with random sampling takes this many times as long: {found}.",
        setting.verdict(statistics.median(values) > _COSTS_MORE for values in ratios.values()),
        figures(runs, speeds),
    )
