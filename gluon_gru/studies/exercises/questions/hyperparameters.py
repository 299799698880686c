"""Exercise "adjust the hyperparameters": what the reduced grid shows."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any, Mapping, Sequence

from gluon_gru.errors import InputError, TrainingDiverged
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import QUESTION
from gluon_gru.report.document import Picture, Table
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.sweep.space import AXES, REDUCED

RUNNING_TIME = Claim(
    "hyperparameters/running-time",
    QUESTION,
    "What do num_steps, num_hiddens and the learning rate do to the running time?",
    "It grows with the first two, by a tenth or more from each value to the next.",
)
PERPLEXITY = Claim(
    "hyperparameters/perplexity",
    QUESTION,
    "What do they do to the perplexity?",
    "Each of the three matters: the best perplexities at two of its values are 5% apart.",
)
TEXT = Claim(
    "hyperparameters/text",
    QUESTION,
    "What do they do to the generated text?",
    "In the better half of the trials more of its words are words of the text.",
)

_PICTURES = {
    "heatmap.png": "Validation perplexity over the grid",
    "time_quality.png": "Running time of a trial against its validation perplexity",
    "importance.png": "How important each hyperparameter is for a low perplexity",
}

#: Complete trials as the study records them, the best first.
Trials = Sequence[Mapping[str, Any]]

# Enough to see that everything runs.
_QUICK_EPOCHS = 1


def check(source: tuple[Any, Any]) -> None:
    """Raise InputError for a text, ``(tokens, vocab)``, that is too short."""
    length = len(source[0])
    needed = REDUCED.train_windows + REDUCED.valid_windows + max(REDUCED.num_steps)
    if length < needed:
        raise InputError(
            f"a text of {length:,} characters is too short for the exercise "
            f"hyperparameters, which takes {needed:,}: give a longer text, or name "
            "the other exercises"
        )


@Exercise(
    "hyperparameters",
    "Adjust the hyperparameters; what do they do to running time, perplexity and the output?",
    "The learning rate decides whether anything is learnt in the epochs there are; num_hiddens "
    "what can be represented, and what a token costs; num_steps how far back a prediction may "
    "look, and how many tokens an epoch has (every window of the text is trained on, so an "
    "epoch grows with num_steps). Here every window starts from a zero state and validation "
    "is on text that was not trained on.",
    check=check,
)
def hyperparameters(context: Context) -> Answer:
    """Run the study, or go on with it, in the folder ``sweep``."""
    from gluon_gru.studies.sweep.study import sweep

    space = dataclasses.replace(REDUCED, epochs=_QUICK_EPOCHS) if context.quick else REDUCED
    folder = context.out / "sweep"
    results = sweep(
        folder,
        space,
        workers=_workers(context),
        device=str(context.ctx),
        corpus=context.corpus.path,
        command=context.made_by["command"],
    )
    trials = sorted(
        (trial for trial in results["trials"] if trial["state"] == "complete"),
        key=lambda trial: trial["perplexity"],
    )
    diverged = sum(trial["state"] == "diverged" for trial in results["trials"])
    if len(trials) < 2:
        raise TrainingDiverged(
            f"{diverged} of {len(results['trials'])} trials of the study "
            "diverged: there is nothing to compare on this text"
        )
    words = {trial["number"]: _share_of_words(trial["continuation"], context) for trial in trials}
    ran = (
        f"A GRU (rnn.GRU) at every point of num_steps {_values(space.num_steps)}, num_hiddens "
        f"{_values(space.num_hiddens)} and learning rate {_values(space.lr)}; "
        f"{space.epochs} epochs of {space.train_windows:,} windows in minibatches of "
        f"{space.batch_size}, validated on the next {space.valid_windows:,}"
    )
    best, worst = trials[0], trials[-1]
    return Answer(
        f"The best of {len(trials)} trials reaches perplexity {best['perplexity']:.2f} (num_steps "
        f"{best['num_steps']}, num_hiddens {best['num_hiddens']}, lr {best['lr']:g}), the worst "
        f"{worst['perplexity']:.2f}.",
        [
            _running_time(context, ran, trials),
            _perplexity(context, ran, trials, diverged),
            _text(context, trials, words),
        ],
        [_table(trials, words)],
        [
            Picture(caption, f"sweep/{file}", (folder / file).read_bytes())
            for file, caption in _PICTURES.items()
            if (folder / file).exists()
        ],
    )


def _workers(context):
    return context.made_by["environment"]["cores"] if context.ctx.device_type == "cpu" else 1


def _values(values):
    return ", ".join(f"{value:g}" for value in values)


def _share_of_words(continuation, context):
    """Return the share of the generated words that are words of the text."""
    from gluon_gru.studies.sweep.trial import PREFIX

    known = set(context.text().split())
    # The last one may be cut off.
    words = continuation[len(PREFIX) :].split()[:-1]
    return sum(word in known for word in words) / len(words) if words else 0.0


def _by_value(trials, quantity, of):
    """Return axis -> value on it -> ``of`` the quantity over all trials there."""
    return {
        axis: {
            value: of([trial[quantity] for trial in trials if trial[axis] == value])
            for value in sorted({trial[axis] for trial in trials})
        }
        for axis in AXES
    }


def _shown(by_axis, form):
    """Return in words what `_by_value` found."""
    return "; ".join(
        f"{axis} " + ", ".join(f"{value:g}: {form.format(number)}" for value, number in of.items())
        for axis, of in by_axis.items()
    )


def _running_time(context: Context, ran: str, trials: Trials) -> Verdict:
    times = _by_value(trials, "seconds", statistics.mean)
    both = [list(times[axis].values()) for axis in ("num_steps", "num_hiddens")]
    grows = [all(b > 1.1 * a for a, b in zip(seconds, seconds[1:])) for seconds in both]
    shows = f"Seconds of a trial, the mean by {_shown(times, '{:.0f} s')}."
    return context.judge(RUNNING_TIME, f"{ran}.", shows, grows, times)


def _perplexity(context: Context, ran: str, trials: Trials, diverged: int) -> Verdict:
    best = _by_value(trials, "perplexity", min)
    winner = trials[0]
    return context.judge(
        PERPLEXITY,
        f"{ran}. Every window is read from a state of zeros, so with "
        "a smaller num_steps more of the predictions have little before them: part of its effect "
        "is that.",
        f"The best validation perplexity by {_shown(best, '{:.2f}')}. Best of all: num_steps "
        f"{winner['num_steps']}, num_hiddens {winner['num_hiddens']}, lr {winner['lr']:g}. "
        f"Diverged: {diverged} of {len(trials) + diverged}.",
        [max(values.values()) > 1.05 * min(values.values()) for values in best.values()],
        best,
    )


def _text(context: Context, trials: Trials, words: Mapping[int, float]) -> Verdict:
    half = len(trials) // 2
    better, worse = (
        statistics.mean(words[trial["number"]] for trial in some)
        for some in (trials[:half], trials[-half:])
    )
    return context.judge(
        TEXT,
        "The continuation that every trial writes at its end: the share of "
        "its words that are words of the text.",
        f"{better:.0%} in the better half of the trials by perplexity, {worse:.0%} in the worse; "
        f"{len({trial['continuation'] for trial in trials})} different texts in {len(trials)} "
        "trials.",
        [better > worse],
        {"better": better, "worse": worse},
    )


def _table(trials, words):
    return Table(
        [*AXES, "perplexity", "seconds", "tokens/sec", "words", "continuation"],
        [
            [
                *(f"{trial[axis]:g}" for axis in AXES),
                f"{trial['perplexity']:.3f}",
                f"{trial['seconds']:.0f}",
                f"{trial['tokens_per_sec']:,.0f}",
                f"{words[trial['number']]:.0%}",
                f"`{trial['continuation']}`",
            ]
            for trial in trials
        ],
        "All trials, the best first",
    )
