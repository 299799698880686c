"""Exercise "adjust the hyperparameters": what the reduced grid, and two small studies, show."""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
from typing import Any, Mapping, Sequence

from gluon_gru.errors import InputError, TrainingDiverged
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import OURS, QUESTION
from gluon_gru.report.document import Bars, Curves, HeatMap, Table
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.sweep.space import GRIDS

RUNNING_TIME = Claim(
    "hyperparameters/running-time",
    QUESTION,
    "What do num_steps, num_hiddens and the learning rate do to the running time?",
    quantity="question",
)
PERPLEXITY = Claim(
    "hyperparameters/perplexity",
    QUESTION,
    "What do they do to the perplexity?",
    quantity="question",
)
TEXT = Claim(
    "hyperparameters/text", QUESTION, "What do they do to the generated text?", quantity="question"
)
INITIALISATION = Claim(
    "hyperparameters/initialisation",
    OURS,
    "What they do depends on how the initial weights are drawn: with PyTorch's the perplexity is 5% "
    "lower than with N(0, 0.01), at each learning rate.",
)

#: Folder -> the grid that is studied there.
_STUDIES = {
    "sweep": GRIDS["reduced"],
    "sweep-initialisation": dataclasses.replace(GRIDS["initialisation"], lr=(0.1, 1.0, 10.0)),
    "sweep-last-cell": GRIDS["last-cell"],
}
_AXES = ("num_steps", "num_hiddens", "lr")

# Enough to see that everything runs.
_QUICK_EPOCHS = 1


def check(source: tuple[Any, Any]) -> None:
    """Raise InputError for a text, ``(tokens, vocab)``, that is too short."""
    length = len(source[0])
    needed = max(
        space.train_windows + space.valid_windows + max(space.num_steps)
        for space in _STUDIES.values()
    )
    if length < needed:
        raise InputError(
            f"a text of {length:,} characters is too short for the exercise "
            f"hyperparameters, which takes {needed:,}: give a longer text, or name "
            "the other exercises"
        )


@Exercise(
    "hyperparameters",
    "Adjust the hyperparameters; what do they do to running time, perplexity and the output?",
    "The learning rate decides how much is learnt in the epochs there are; num_hiddens "
    "what can be represented, and what a token costs; num_steps how far back a prediction may "
    "look, and how many tokens an epoch has (every window of the text is trained on, so an "
    "epoch grows with num_steps). Here every window starts from a zero state and validation "
    "is on text that was not trained on. The protocol is that of a published solution, with "
    "PyTorch's initial weights.",
    check=check,
)
def hyperparameters(context: Context) -> Answer:
    """Run the studies, or go on with them, each in a folder of its own."""
    from gluon_gru.studies.sweep import charts
    from gluon_gru.studies.sweep.results import outcomes

    found = {folder: _study(context, folder) for folder in _STUDIES}
    every = outcomes(found["sweep"]["trials"])
    complete = [one for one in every if one.complete]
    if len(complete) < 2:
        raise TrainingDiverged(
            f"{len(every) - len(complete)} of {len(every)} points of the study diverged: there is "
            "nothing to compare on this text"
        )
    by_init = outcomes(found["sweep-initialisation"]["trials"])
    best, worst = complete[0], complete[-1]
    study, initial = found["sweep"], found["sweep-initialisation"]
    time_and_quality = charts.time_and_quality(every)
    drawn = {
        "sweep": [
            charts.heat_map(every, study["settings"]),
            *time_and_quality,
            *charts.importance(study["importance"]),
        ],
        "sweep-initialisation": [charts.initialisation(by_init, initial["baselines"])],
    }
    return Answer(
        f"Of {len(complete)} points the best one reaches validation perplexity "
        f"{best.of('perplexity'):.2f} (num_steps {best.point['num_steps']}, num_hiddens "
        f"{best.point['num_hiddens']}, lr {best.point['lr']:g}), the worst "
        f"{worst.of('perplexity'):.2f}.",
        [
            _running_time(context, complete),
            _perplexity(context, complete, len(every)),
            _text(context, complete, study["baselines"]["text"]),
            _initialisation(context, by_init, initial["baselines"]),
        ],
        [
            time_and_quality[1],
            _table(complete, "All points, the best first"),
            _table(outcomes(found["sweep-last-cell"]["trials"]), "The chapter's later last cell"),
        ],
        [
            dataclasses.replace(one, file=f"{folder}-{one.file}")
            for folder, some in drawn.items()
            for one in some
            if isinstance(one, (Curves, Bars, HeatMap))
        ],
    )


def _study(context: Context, folder: str) -> dict[str, Any]:
    from gluon_gru.studies.sweep.study import sweep

    space = dataclasses.replace(_STUDIES[folder], seeds=context.num_seeds)
    if context.quick:
        space = dataclasses.replace(space, epochs=_QUICK_EPOCHS)
    return sweep(
        pathlib.Path(context.out) / folder,
        space,
        workers=context.workers,
        cluster=context.cluster,
        device=str(context.ctx),
        corpus=context.corpus.path,
        command=context.made_by["command"],
    )


def _ran(folder):
    space = _STUDIES[folder]
    values = (
        f"{axis} {', '.join(f'{value:g}' for value in getattr(space, axis))}" for axis in _AXES
    )
    return (
        f"A GRU (rnn.GRU) at every point of {', '.join(values)}, on {space.train_windows:,} windows "
        f"in minibatches of {space.batch_size}, validated on the next {space.valid_windows:,}."
    )


def _by_value(complete, quantity, of):
    """Return axis -> value on it -> ``of`` the quantity over all points there."""
    return {
        axis: {
            value: of([one.of(quantity) for one in complete if one.point[axis] == value])
            for value in sorted({one.point[axis] for one in complete})
        }
        for axis in _AXES
    }


def _shown(by_axis, form):
    """Return in words what `_by_value` found."""
    return "; ".join(
        f"{axis} " + ", ".join(f"{value:g}: {form.format(number)}" for value, number in of.items())
        for axis, of in by_axis.items()
    )


def _running_time(context: Context, complete: Sequence[Any]) -> Verdict:
    times = _by_value(complete, "seconds", statistics.mean)
    shows = f"Seconds of a training, the mean by {_shown(times, '{:.1f} s')}."
    return context.judge(RUNNING_TIME, _ran("sweep"), shows, [], times)


def _perplexity(context: Context, complete: Sequence[Any], count: int) -> Verdict:
    best = _by_value(complete, "perplexity", min)
    return context.judge(
        PERPLEXITY,
        f"{_ran('sweep')} Every window is read from a state of zeros, so with "
        "a smaller num_steps more of the predictions have little before them: part of its effect "
        "is that.",
        f"The best validation perplexity after the last epoch by {_shown(best, '{:.2f}')}. Best of "
        f"all: {complete[0].named}. Diverged: {count - len(complete)} of {count}.",
        [],
        best,
    )


def _text(context: Context, complete: Sequence[Any], book: Mapping[str, float]) -> Verdict:
    """Judge what the points write, the best first; ``book`` has the measures of its own passages."""

    def measured(one):
        varied, verbatim, bits = one.written
        return varied, verbatim, -abs(bits - book["bits"])

    every = list(map(measured, complete))
    figures: dict[str, Any] = {}
    won: list[bool] = []
    for of, some in (("all", every), ("with words", [one for one in every if one[0]])):
        half = len(some) // 2
        if half:
            better, worse = (
                [statistics.mean(values) for values in zip(*part)]
                for part in (some[:half], some[-half:])
            )
            won += [a > b for a, b in zip(better, worse)]
            figures[of] = {"better": better, "worse": worse, "points": len(some)}
    shown = "; ".join(
        f"of {one['points']} points {of}: "
        + ", ".join(
            f"{name} {form.format(abs(a))} and {form.format(abs(b))}"
            for name, form, a, b in zip(
                ("varied", "verbatim", "bits away from the book's"),
                ("{:.0%}", "{:.0%}", "{:.2f}"),
                one["better"],
                one["worse"],
            )
        )
        for of, one in figures.items()
    )
    return context.judge(
        TEXT,
        "The 200 characters that every model writes at its end, each time the likeliest. Varied: "
        "the share of them in words of the book, each counted once. Verbatim: the share of runs of "
        "ten characters that the training text has too, each counted once. Bits: a character's "
        "under an n-gram model of the book's part that was not trained on.",
        f"The better half by perplexity is the better one in {sum(won)} of {len(won)} comparisons. In "
        f"it and in the worse half: {shown}. Passages of the book: "
        f"{book['varied']:.0%}, {book['verbatim']:.0%}, {book['bits']:.2f} bits a character.",
        [],
        figures,
    )


def _initialisation(context: Context, every: Sequence[Any], baselines: Mapping) -> Verdict:
    at: dict[float, dict[str, float]] = {}
    for one in (one for one in every if one.complete):
        best = at.setdefault(one.point["lr"], {})
        best[one.point["init"]] = min(
            one.of("perplexity"), best.get(one.point["init"], float("inf"))
        )
    both = {lr: best for lr, best in sorted(at.items()) if len(best) > 1}
    shown = "; ".join(
        f"lr {lr:g}: {best['pytorch']:.2f} and {best['normal']:.2f}" for lr, best in both.items()
    )
    return context.judge(
        INITIALISATION,
        _ran("sweep-initialisation"),
        f"The best validation perplexity after the last epoch, with PyTorch's initial weights and "
        f"with N(0, 0.01): {shown}. Knowing only how frequent each character is gives "
        f"{baselines['frequencies']:.2f}.",
        # Where nothing can be compared, all cases would be true.
        [1.05 * best["pytorch"] < best["normal"] for best in both.values()] or [False],
        both,
    )


def _table(found: Sequence[Any], title: str) -> Table:
    return Table(
        [*_AXES, "perplexity", "best epoch", "seconds", "tokens/sec", "varied", "continuation"],
        [
            [
                *(f"{one.point[axis]:g}" for axis in _AXES),
                f"{one.of('perplexity'):.3f}",
                f"{one.median(lambda trial: min(trial['validation'])):.3f}",
                f"{one.of('seconds'):.1f}",
                f"{one.of('tokens_per_sec'):,.0f}",
                f"{one.written[0]:.0%}",
                f"`{one.complete[0]['continuation'][:65]}`",
            ]
            for one in found
            if one.complete
        ],
        title,
    )
