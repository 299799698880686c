"""Exercise "adjust the hyperparameters": what the reduced grid shows."""

import dataclasses
import statistics

from gluon_gru.errors import InputError, TrainingDiverged
from gluon_gru.studies.exercises.answers import Answer, Finding, Table
from gluon_gru.studies.sweep.space import AXES, REDUCED
from gluon_gru.studies.sweep.study import sweep
from gluon_gru.studies.sweep.trial import PREFIX

_PICTURES = {
    "heatmap.png": "Validation perplexity over the grid",
    "time_quality.png": "Running time of a trial against its validation perplexity",
    "importance.png": "How important each hyperparameter is for a low perplexity",
}

# Enough to see that everything runs.
_QUICK_EPOCHS = 1


def answer(setting):
    """Return the `Answer`; runs the study, or goes on with it, in the folder ``sweep``."""
    space = dataclasses.replace(REDUCED, epochs=_QUICK_EPOCHS) if setting.quick else REDUCED
    folder = setting.out / "sweep"
    results = sweep(
        folder,
        space,
        workers=_workers(setting),
        device=str(setting.ctx),
        corpus=setting.corpus.path,
        command=setting.command,
    )
    trials = [trial for trial in results["trials"] if trial["state"] == "complete"]
    diverged = [trial for trial in results["trials"] if trial["state"] == "diverged"]
    if len(trials) < 2:
        raise TrainingDiverged(
            f"{len(diverged)} of {len(results['trials'])} trials of the study "
            "diverged: there is nothing to compare on this text"
        )
    words = {trial["number"]: _share_of_words(trial["continuation"], setting) for trial in trials}
    ran = (
        f"A GRU (rnn.GRU) at every point of num_steps {_values(space.num_steps)}, num_hiddens "
        f"{_values(space.num_hiddens)} and learning rate {_values(space.lr)}; "
        f"{space.epochs} epochs of {space.train_windows:,} windows in minibatches of "
        f"{space.batch_size}, validated on the next {space.valid_windows:,}"
    )
    return Answer(
        [
            _running_time(setting, ran, trials),
            _perplexity(setting, ran, trials, diverged),
            _text(setting, trials, words),
        ],
        [_table(trials, words)],
        {
            f"sweep/{file}": (caption, (folder / file).read_bytes())
            for file, caption in _PICTURES.items()
            if (folder / file).exists()
        },
    )


def check(source):
    """Find out before anything is trained whether a text is long enough for the study.

    Raises:
        InputError: if it isn't.
    """
    tokens, _ = source
    needed = REDUCED.train_windows + REDUCED.valid_windows + max(REDUCED.num_steps)
    if len(tokens) < needed:
        raise InputError(
            f"a text of {len(tokens):,} characters is too short for the exercise "
            f"hyperparameters, which takes {needed:,}: give a longer text, or name "
            "the other exercises"
        )


def _workers(setting):
    return (
        setting.trainings.record["environment"]["cores"] if setting.ctx.device_type == "cpu" else 1
    )


def _values(values):
    return ", ".join(f"{value:g}" for value in values)


def _share_of_words(continuation, setting):
    """Return the share of the generated words that are words of the text."""
    tokens, vocab = setting.source
    known = set("".join(vocab.to_tokens(tokens)).split())
    # The last one may be cut off.
    words = continuation[len(PREFIX) :].split()[:-1]
    return sum(word in known for word in words) / len(words) if words else 0.0


def _by_value(trials, axis, quantity, of):
    """Return value on the axis -> ``of`` the quantity over all trials there."""
    return {
        value: of([trial[quantity] for trial in trials if trial[axis] == value])
        for value in sorted({trial[axis] for trial in trials})
    }


def _running_time(setting, ran, trials):
    times = {axis: _by_value(trials, axis, "seconds", statistics.mean) for axis in AXES}
    grows = []
    for axis in ("num_steps", "num_hiddens"):
        seconds = list(times[axis].values())
        grows.append(all(b > 1.1 * a for a, b in zip(seconds, seconds[1:])))
    shown = "; ".join(
        f"{axis} "
        + ", ".join(f"{value:g}: {seconds:.0f} s" for value, seconds in times[axis].items())
        for axis in AXES
    )
    return Finding(
        "hyperparameters/running-time",
        f"{ran}.",
        f"Seconds of a trial, the mean by {shown}.",
        setting.verdict(grows),
        times,
    )


def _perplexity(setting, ran, trials, diverged):
    best = {axis: _by_value(trials, axis, "perplexity", min) for axis in AXES}
    shown = "; ".join(
        f"{axis} "
        + ", ".join(f"{value:g}: {perplexity:.2f}" for value, perplexity in best[axis].items())
        for axis in AXES
    )
    winner = min(trials, key=lambda trial: trial["perplexity"])
    return Finding(
        "hyperparameters/perplexity",
        f"{ran}. Every window is read from a state of zeros, so with "
        "a smaller num_steps more of the predictions have little before them: part of its effect "
        "is that.",
        f"The best validation perplexity by {shown}. Best of all: num_steps {winner['num_steps']}, "
        f"num_hiddens {winner['num_hiddens']}, lr {winner['lr']:g}. Diverged: {len(diverged)} of "
        f"{len(trials) + len(diverged)}.",
        setting.verdict(
            max(values.values()) > 1.05 * min(values.values()) for values in best.values()
        ),
        best,
    )


def _text(setting, trials, words):
    ranked = sorted(trials, key=lambda trial: trial["perplexity"])
    half = len(ranked) // 2
    better, worse = (
        statistics.mean(words[trial["number"]] for trial in trials)
        for trials in (ranked[:half], ranked[-half:])
    )
    return Finding(
        "hyperparameters/text",
        "The continuation that every trial writes at its end: the share of "
        "its words that are words of the text.",
        f"{better:.0%} in the better half of the trials by perplexity, {worse:.0%} in the worse; "
        f"{len({trial['continuation'] for trial in trials})} different texts in {len(trials)} "
        "trials.",
        setting.verdict([better > worse]),
        {"better": better, "worse": worse},
    )


def _table(trials, words):
    return Table(
        "All trials, the best first",
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
            for trial in sorted(trials, key=lambda trial: trial["perplexity"])
        ],
    )
