"""The exercises by name: the question, what answers it, and the reasoning behind the answer."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple


class Exercise(NamedTuple):
    """A question, the reasoning that a student follows, and the module that answers it.

    Such a module has a function ``answer(setting)``; it is imported when it is called, so that the
    names and questions are at hand at once.
    """

    question: str
    reasoning: str
    module: str

    def answer(self, setting: Any) -> Any:
        """Have the module answer; see `gluon_gru.studies.exercises.setting.Setting`."""
        module = importlib.import_module(f"gluon_gru.studies.exercises.{self.module}")
        return module.answer(setting)


EXERCISES = {
    "forced-gates": Exercise(
        "Only the input at time step t' should be used to predict the output at t > t'. What are "
        "the best values of the reset and update gates?",
        "With H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate: at t' the old state must go, from the "
        "sum (Z = 0) and from the candidate (R = 0); what is left is a function of X_t' alone. "
        "Afterwards nothing may be added: Z = 1 copies the state on, and since the candidate then "
        "has the factor 0, R doesn't matter. Before t' anything goes: it is overwritten. With "
        "R = 1 at t', as a published solution has it, the candidate still sees H_{t'-1}, and so "
        "the input before. Its gates before t' (Z = 0) don't hold the state at its start, as it "
        "says, but replace it in each step.",
        "forced",
    ),
    "cells": Exercise(
        "Compare running time, perplexity and output of RNN and GRU (and LSTM), from scratch and "
        "concise.",
        "A GRU has three times the weights of an RNN, an LSTM four times, and each costs about as "
        "many times the arithmetic. From scratch every step is a dozen operators that Python "
        "starts one by one; the concise layers run a whole sequence in one operator, which is why "
        "they reach any perplexity sooner although they don't learn more in an epoch.",
        "cells",
    ),
    "long-distances": Exercise(
        "Are GRUs better than RNNs over large distances, and do they cope with vanishing "
        "gradients?",
        "An RNN's state goes through a matrix and a tanh in every step; what it held fades or "
        "explodes with the product of those steps. A gate that copies (GRU: Z near 1; LSTM: forget "
        "gate near 1) can let information and gradients pass through many steps unchanged. "
        "Whether it does is a matter of what has been learnt, so two things are measured: over "
        "which distance each cell learns to remember where a task asks for nothing else, and how "
        "far back the derivatives reach in the models that were trained on the text.",
        "long_distances",
    ),
    "hyperparameters": Exercise(
        "Adjust the hyperparameters; what do they do to running time, perplexity and the output?",
        "The learning rate decides whether anything is learnt in the epochs there are; num_hiddens "
        "what can be represented, and what a token costs; num_steps how far back a prediction may "
        "look, and how many tokens an epoch has (every window of the text is trained on, so an "
        "epoch grows with num_steps). Here every window starts from a zero state and validation "
        "is on text that was not trained on.",
        "hyperparameters",
    ),
    "parts": Exercise(
        "What happens if you implement only parts of a GRU, with only a reset gate or only an "
        "update gate?",
        "Without the update gate (Z = 0) the state is the candidate in every step: an RNN that can "
        "shut out its past, but not copy it on. Without the reset gate (R = 1) the state can be "
        "copied on, but a new candidate always sees all of the old one. A published solution's "
        "classes don't show this: the first uses Z without computing it and stops; the second "
        "computes the gated state and overwrites it with the candidate, which leaves an RNN whose "
        "gate has no effect and gets no gradient.",
        "parts",
    ),
    "identities": Exercise(
        "Statements of readers' notes that a moment shows.",
        "Multiplying [X, H], side by side, with [W_xh; W_hh], one above the other, is by "
        "definition the sum of both products. The outputs of all time steps are stacked in one "
        "matrix, so that one loss takes them all. Untrained weights are close to zero, so every "
        "token is as likely as any other. Clipping multiplies all gradients by one number.",
        "identities",
    ),
    "sampling": Exercise(
        "Sequential partitioning against random sampling, the same model.",
        "With sequential partitioning the state is carried from one minibatch to the next, so a "
        "prediction can use more than the num_steps characters before it; with random sampling "
        "every sequence starts from a zero state, and its first characters are predicted from "
        "next to nothing. That raises the perplexity over the training text whatever the model "
        "has learnt.",
        "sampling",
    ),
    "dependencies": Exercise(
        "Do reset gates capture short-term dependencies, and update gates long-term ones?",
        "If a gate matters for what comes soon, taking its decision away for one step hurts the "
        "next predictions and little else; if it matters for what comes late, the damage lasts. "
        "A gate held at its own mean still lets as much through as before, but no longer decides. "
        "The models know their training text almost by heart, so the damage also shows how fast "
        "they find their place again.",
        "dependencies",
    ),
    "gates": Exercise(
        "How does the trained network decide whether to keep the hidden state?",
        "Every unit has its own pair of gates, computed from the character read and the state. A "
        "unit keeps the product of its Z over the steps: with Z = 0.9 throughout, a third of what "
        "it held is left after ten characters. How much of a gate the character alone explains, "
        "and how much the end of a word, says what the gates look at; what neither explains comes "
        "from the state.",
        "inspection",
    ),
}
