"""A reader's question: how does the trained network decide whether to keep the hidden state?"""

from __future__ import annotations

import statistics
from typing import Sequence

from gluon_gru.gates.inspection import (
    Gates,
    boundary_correlation,
    explained_by_token,
    has_ends,
    inspect,
    memory,
)
from gluon_gru.gates.look import tables_of
from gluon_gru.gates.walk import walk
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import NOTES, OURS
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import title, trained

KEEP_OR_NOT = Claim(
    "gates/keep-or-not",
    NOTES,
    "How does the trained network decide whether to keep the hidden state?",
    quantity="question",
)
WORD_BOUNDARIES = Claim(
    "gates/word-boundaries",
    OURS,
    "In most units the end of a word explains a tenth or more of how a gate varies.",
)

#: The models that are looked at.
MODELS = ("gru-scratch", "gru-concise")

#: What the heat maps show.
TEXT = "the traveller said that nobody there had ever seen the machine and then he smiled again"

# How much of the corpus the figures are taken from.
_READ = 5000

# A unit's gate follows what explains this share of its variance, or more.
_FOLLOWS = 0.1


@Exercise(
    "gates",
    "How does the trained network decide whether to keep the hidden state?",
    "Every unit has its own pair of gates, computed from the character read and the state. A "
    "unit keeps the product of its Z over the steps: with Z = 0.9 throughout, a third of what "
    "it held is left after ten characters. How much of a gate the character alone explains, "
    "and how much the end of a word, says what the gates look at; what neither explains comes "
    "from the state.",
    MODELS,
)
def gate_decisions(context: Context) -> Answer:
    """Look at the gates of both GRUs, trained with every seed."""
    gates, tables, walks = [], [], []
    for name, seeds in trained(MODELS, context).items():
        restored = [restore(model.checkpoint, context.ctx) for model in seeds]
        over_corpus = [inspect(*model, context.text(_READ), context.ctx) for model in restored]
        over_text = inspect(*restored[0], TEXT, context.ctx)
        gates += over_corpus
        tables += tables_of(title(name), over_corpus[0])
        walks.append(walk(title(name), over_text))
    verdicts = _verdicts(context, gates)
    z, r = (statistics.median(shares) for shares in verdicts[0].figures.values())
    return Answer(
        f"The character just read explains a tenth or more of how the update gate varies in {z:.0%} of "
        f"the units, and of how the reset gate does in {r:.0%}.",
        verdicts,
        tables,
        walks=walks,
    )


def _verdicts(context: Context, models: Sequence[Gates]) -> list[Verdict]:
    """Return the verdicts, given the gates of each model."""

    def verdict(claim, what, explained, more=""):
        shares = {
            gate: [float((explained(gates, gate) >= _FOLLOWS).mean()) for gates in models]
            for gate in ("update", "reset")
        }
        return context.judge(
            claim,
            "Z and R of every unit for every character of the text's first "
            f"{len(models[0].text):,} characters: the share of the units in which {what} explains "
            "a tenth or more of the gate's variance, model by model.",
            f"Z: {spread(shares['update'], '{:.0%}'.format)} of the units; "
            f"R: {spread(shares['reset'], '{:.0%}'.format)}.{more}",
            [share > 0.5 for values in shares.values() for share in values],
            shares,
        )

    taus = [memory(gates)[1] for gates in models]
    median, longest = (
        spread([float(of(values)) for values in taus], "{:.1f}".format)
        for of in (statistics.median, max)
    )
    more = (
        f" By its own Z the median unit keeps a state for {median} characters, the one that "
        f"remembers longest for {longest}."
    )
    verdicts = [verdict(KEEP_OR_NOT, "the character just read", explained_by_token, more)]
    if has_ends(models[0]):
        verdicts.append(
            verdict(
                WORD_BOUNDARIES,
                "the end of a word",
                lambda gates, gate: boundary_correlation(gates, gate) ** 2,
            )
        )
    return verdicts
