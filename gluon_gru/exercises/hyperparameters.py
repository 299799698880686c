"""Exercise "adjust the hyperparameters": what the reduced grid of `gluon_gru.sweep` shows."""
import dataclasses
import statistics

from ..sweep import sweep
from ..windows import PREFIX, REDUCED
from .answers import Answer, Finding, Table

_AXES = ("num_steps", "num_hiddens", "lr")
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
    results = sweep(folder, space, workers=_workers(setting), device=str(setting.ctx),
                    corpus=setting.corpus.path, command=setting.command)
    trials = [trial for trial in results["trials"] if trial["state"] == "complete"]
    diverged = [trial for trial in results["trials"] if trial["state"] == "diverged"]
    words = {trial["number"]: _share_of_words(trial["continuation"], setting) for trial in trials}
    ran = (f"A GRU (rnn.GRU) at every point of num_steps {_values(space.num_steps)}, num_hiddens "
           f"{_values(space.num_hiddens)} and learning rate {_values(space.lr)}; "
           f"{space.epochs} epochs of {space.train_windows:,} windows in minibatches of "
           f"{space.batch_size}, validated on the next {space.valid_windows:,}")
    return Answer(
        [_running_time(setting, ran, trials, space),
         _perplexity(setting, ran, trials, diverged, space), _text(setting, trials, words)],
        [_table(trials, words)],
        {f"sweep/{file}": (caption, (folder / file).read_bytes())
         for file, caption in _PICTURES.items() if (folder / file).exists()})


def _workers(setting):
    return setting.trainings.record["environment"]["cores"] if setting.ctx.device_type == "cpu" \
        else 1


def _values(values):
    return ", ".join(f"{value:g}" for value in values)


def _share_of_words(continuation, setting):
    """Return the share of the generated words that are words of the text."""
    tokens, vocab = setting.source
    known = set("".join(vocab.to_tokens(tokens)).split())
    # The last one may be cut off.
    words = continuation[len(PREFIX):].split()[:-1]
    return sum(word in known for word in words) / len(words) if words else 0.0


def _by_value(trials, axis, quantity, of):
    """Return value on the axis -> ``of`` the quantity over all trials there."""
    return {value: of([trial[quantity] for trial in trials if trial[axis] == value])
            for value in sorted({trial[axis] for trial in trials})}


def _ratio(values):
    return max(values.values()) / min(values.values())


def _running_time(setting, ran, trials, space):
    times = {axis: _by_value(trials, axis, "seconds", statistics.mean) for axis in _AXES}
    grows = [list(times[axis].values()) == sorted(times[axis].values())
             and _ratio(times[axis]) > 1.1 for axis in _AXES[:2]]
    constant = _ratio(times["lr"]) < 1.1
    shown = "; ".join(f"{axis} " + ", ".join(
        f"{value:g}: {seconds:.0f} s" for value, seconds in times[axis].items()) for axis in _AXES)
    return Finding(
        "hyperparameters/running-time", f"{ran}.", f"Seconds of a trial, the mean by {shown}.",
        setting.verdict(all(grows) and constant, "depends"), times)


def _perplexity(setting, ran, trials, diverged, space):
    best = {axis: _by_value(trials, axis, "perplexity", min) for axis in _AXES}
    matters = [_ratio(best[axis]) > 1.05 for axis in _AXES]
    shown = "; ".join(f"{axis} " + ", ".join(
        f"{value:g}: {perplexity:.2f}" for value, perplexity in best[axis].items())
        for axis in _AXES)
    winner = min(trials, key=lambda trial: trial["perplexity"])
    return Finding(
        "hyperparameters/perplexity", f"{ran}. It matters if the best perplexities at two of its "
        "values are 5% apart.",
        f"The best validation perplexity by {shown}. Best of all: num_steps {winner['num_steps']}, "
        f"num_hiddens {winner['num_hiddens']}, lr {winner['lr']:g}. Diverged: {len(diverged)} of "
        f"{len(trials) + len(diverged)}.",
        setting.verdict(all(matters), "depends"), best)


def _text(setting, trials, words):
    ranked = sorted(trials, key=lambda trial: trial["perplexity"])
    half = len(ranked) // 2
    better, worse = (statistics.mean(words[trial["number"]] for trial in trials)
                     for trials in (ranked[:half], ranked[-half:]))
    return Finding(
        "hyperparameters/text", "The continuation that every trial writes at its end: the share of "
        "its words that are words of the text.",
        f"{better:.0%} in the better half of the trials by perplexity, {worse:.0%} in the worse; "
        f"{len({trial['continuation'] for trial in trials})} different texts in {len(trials)} "
        "trials.", setting.verdict(better > worse), {"better": better, "worse": worse})


def _table(trials, words):
    return Table(
        "All trials, the best first", [
            *_AXES, "perplexity", "seconds", "tokens/sec", "words", "continuation"],
        [[*(f"{trial[axis]:g}" for axis in _AXES), f"{trial['perplexity']:.3f}",
          f"{trial['seconds']:.0f}", f"{trial['tokens_per_sec']:,.0f}",
          f"{words[trial['number']]:.0%}", f"`{trial['continuation']}`"]
         for trial in sorted(trials, key=lambda trial: trial["perplexity"])])
