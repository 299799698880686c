"""A reader's question: how does the trained network decide whether to keep the hidden state?"""
import statistics

import numpy

from ..gates import boundary_correlation, inspect, memory, resets
from ..gates_plot import picture
from ..restore import restore
from .answers import Answer, Finding, Table
from .trainings import title

_MODELS = ("gru-scratch", "gru-concise")
# What the picture shows, and how much of the corpus the figures are taken from, unless a text is
# given: in a short one most characters are too rare for a mean.
_TEXT = "the traveller said that nobody there had ever seen the machine and then he smiled again"
_READ = 5000
_SHOWN = 8
# A unit follows the boundaries of words if they explain a tenth of how its gate varies.
_FOLLOWS = 0.1 ** 0.5


def answer(setting):
    """Return the `Answer`, on the setting's text; without a checkpoint, on our own trainings."""
    tokens, vocab = setting.source
    shown, read = (setting.text, setting.text) if setting.text is not None else (
        _TEXT, "".join(vocab.to_tokens(tokens[:_READ])))
    if setting.checkpoint:
        models = {str(setting.checkpoint): [setting.checkpoint]}
    else:
        models = {title(name): [training.checkpoint for training in trainings]
                  for name, trainings in setting.trainings.get(_MODELS).items()}
    found = {name: [_look(path, read, setting) for path in paths]
             for name, paths in models.items()}
    what = f"“{read}”" if setting.text is not None else f"the text's first {len(read):,} characters"
    return Answer(
        [_keep_or_not(setting, what, found)],
        [table for name, looks in found.items() for table in _tables(name, looks[0])],
        {f"gates-{number}.png": (f"{name}: the gates of the units that remember longest, "
                                 "character by character",
                                 picture(_look(paths[0], shown, setting)))
         for number, (name, paths) in enumerate(models.items(), 1)})


def _look(path, text, setting):
    model, vocab = restore(path, setting.ctx)
    return inspect(model, vocab, text, setting.ctx)


def _keep_or_not(setting, what, found):
    gates = [gates for looks in found.values() for gates in looks]
    if not _has_ends(gates[0]):
        return Finding(
            "gates/keep-or-not", f"Z and R of every unit for every character of {what}.",
            "The text has no ends of words, or nothing else: what the gates have to do with them "
            "can't be said; the tables show which units keep.", "depends", {})
    correlations = {gate: numpy.array([boundary_correlation(look, gate) for look in gates])
                    for gate in ("update", "reset")}
    follow = {gate: [float((numpy.abs(values) > _FOLLOWS).mean()) for values in rows]
              for gate, rows in correlations.items()}
    share = {gate: statistics.median(values) for gate, values in follow.items()}
    means = {gate: statistics.median(float(values.mean()) for values in rows)
             for gate, rows in correlations.items()}
    majority = [share > 0.5 for values in follow.values() for share in values]
    return Finding(
        "gates/keep-or-not",
        f"Z and R of every unit for every character of {what}, and their correlation with the "
        "ends of words; a unit follows them if they explain a tenth of its gate's variance.",
        f"Z of {share['update']:.0%} and R of {share['reset']:.0%} of the units follow the ends of "
        f"words (the median model); the mean correlation is {means['update']:+.2f} for Z and "
        f"{means['reset']:+.2f} for R. Each unit decides for itself; the tables show which keep.",
        setting.verdict(all(majority), "depends" if any(majority) else "does not hold"),
        {"follow": follow, "mean_correlation": means})


def _has_ends(gates):
    ends = [not token.isalpha() for token in gates.text]
    return any(ends) and not all(ends)


def _tables(name, gates):
    order, taus = memory(gates)
    characters, means, by_unit = resets(gates)
    nothing = numpy.full(len(taus), numpy.nan)
    ends = {gate: boundary_correlation(gates, gate) if _has_ends(gates) else nothing
            for gate in ("update", "reset")}

    def row(unit):
        least = [characters[i] for i in numpy.argsort(by_unit[:, unit], kind="stable")[:3]]
        return [str(unit), f"{taus[unit]:.1f}", f"{gates.update[:, unit].mean():.2f}",
                f"{ends['update'][unit]:+.2f}", f"{ends['reset'][unit]:+.2f}",
                " ".join(f"`{character}`" for character in least)]

    return [
        Table(f"{name}: the units that remember longest and shortest (time constant in "
              "characters), their mean Z, the correlation of Z and of R with the ends of words, "
              "and the characters with the lowest R",
              ["unit", "remembers", "mean Z", "Z and ends", "R and ends", "reset by"],
              [row(unit) for unit in (*order[:_SHOWN], *order[-_SHOWN // 2:])]),
        Table(f"{name}: the characters that reset most and least (R, mean over all units)",
              ["character", "R"],
              [[f"`{characters[i]}`", f"{means[i]:.3f}"]
               for i in (*range(min(5, len(means) // 2)), *range(-min(3, len(means) // 2), 0))])]
