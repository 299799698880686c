"""What exercises that hold trained models side by side share."""

import statistics

from gluon_gru.published.judging import spread
from gluon_gru.studies.exercises.answers import Table
from gluon_gru.studies.exercises.trainings import title


def final(trainings):
    """Return the perplexity at the end, an entry a seed."""
    return [training.history.perplexity[-1] for training in trainings]


def epochs_to(history, perplexity):
    """Return after how many epochs a run first had this perplexity or less; None if never."""
    return next(
        (epoch for epoch, value in enumerate(history.perplexity, 1) if value <= perplexity), None
    )


def side_by_side(runs, speeds):
    """Return tables of what the models cost and reach, and of what they write.

    Args:
        runs: name -> list of `gluon_gru.studies.exercises.trainings.Training`, one a seed.
        speeds: name -> `gluon_gru.studies.exercises.timing.Speed`.
    """
    last = len(next(iter(runs.values()))[0].history.perplexity)
    stops = sorted({min(epoch, last) for epoch in (50, 100, 250, last)})

    def perplexities(trainings, epoch):
        return spread([t.history.perplexity[epoch - 1] for t in trainings], "{:.3f}".format)

    costs = Table(
        "Side by side: perplexity is the median over the seeds (and the range); tokens/sec and "
        "seconds an epoch are medians over epochs taken in turns; minutes are those of a whole "
        "training beside whatever else ran then",
        [
            "model",
            "parameters",
            "tokens/sec",
            "seconds an epoch",
            "minutes",
            *(f"perplexity at {epoch}" for epoch in stops),
        ],
        [
            [
                title(name),
                f"{speeds[name].num_params:,}",
                f"{speeds[name].rate:,.0f}",
                f"{speeds[name].epoch:.2f}",
                f"{statistics.median(sum(t.history.seconds) for t in trainings) / 60:.1f}",
                *(perplexities(trainings, epoch) for epoch in stops),
            ]
            for name, trainings in runs.items()
        ],
    )
    texts = Table(
        "Continuations (seed 1)",
        ["model", "text"],
        [
            [title(name), f"`{text}`"]
            for name, trainings in runs.items()
            for text in trainings[0].history.continuations[str(last)]
        ],
    )
    return [costs, texts]


def figures(runs, speeds):
    """Return the numbers behind `side_by_side`, as JSON holds them."""
    return {
        name: {
            "perplexity": final(trainings),
            "tokens_per_sec": speeds[name].tokens_per_sec,
            "num_params": speeds[name].num_params,
        }
        for name, trainings in runs.items()
    }
