"""What the chapter, its exercises and its readers' notes state, as data.

The published numbers are `gluon_gru.published.claims`; these are the sentences. Each is put in our
own words and has an id, a source, and the exercise that runs it.
"""

from gluon_gru.published.claims import Claim
from gluon_gru.published.sources import CHAPTER, NOTES, QUESTION, SOLUTION, SUMMARY

STATEMENTS = (
    Claim(
        "forced-gates/answer",
        QUESTION,
        "Which gates let only the input at t' count for the outputs at t > t'?",
        "Z = 0 and R = 0 at t', Z = 1 afterwards, anything before.",
    ),
    Claim(
        "forced-gates/published-gates",
        SOLUTION,
        "Z = 0 and R = 0 before t', Z = 0 and R = 1 at t', Z = 1 and R = 0 afterwards let "
        "only the input at t' count.",
    ),
    Claim(
        "forced-gates/published-reading",
        SOLUTION,
        "The same gates in the sense of the solution's explanations, in which z = 1 takes "
        "the candidate and z = 0 keeps the state.",
    ),
    Claim(
        "forced-gates/published-formula",
        SOLUTION,
        "With these gates the state at t' is M^t' x_0, divided by its norm.",
    ),
    Claim("forced-gates/contains-rnn", SUMMARY, "GRUs contain basic RNNs as an extreme case."),
    Claim(
        "forced-gates/reset-alone", SUMMARY, "That case is the one of the reset gate switched on."
    ),
    Claim(
        "forced-gates/skips", SUMMARY, "A GRU skips subsequences by switching on the update gate."
    ),
    Claim(
        "forced-gates/resets",
        CHAPTER,
        "With a reset gate of 0 the candidate is a multilayer perceptron of the input alone; "
        "the state before is gone.",
    ),
    Claim(
        "cells/gru-against-rnn",
        QUESTION,
        "Compare running time, perplexity and text of rnn.RNN and rnn.GRU.",
        "The GRU reaches the lower perplexity and takes longer.",
    ),
    Claim(
        "cells/gru-against-lstm",
        CHAPTER,
        "A GRU is often as good as an LSTM and significantly faster to compute.",
    ),
    Claim(
        "cells/ranking",
        NOTES,
        "RNN, GRU and LSTM, each implemented twice, can be ranked by the perplexity that "
        "they reach.",
    ),
    Claim(
        "cells/time-to-perplexity",
        NOTES,
        "The concise implementation shortens the time to reach a given perplexity.",
    ),
    Claim(
        "long-distances/recall",
        CHAPTER,
        "GRUs are better than RNNs at dependencies over large distances.",
    ),
    Claim(
        "long-distances/vanishing-gradients",
        CHAPTER,
        "Their gates help GRUs to cope with the vanishing gradients of RNNs.",
    ),
    Claim(
        "hyperparameters/running-time",
        QUESTION,
        "What do num_steps, num_hiddens and the learning rate do to the running time?",
        "It grows with the first two, by a tenth or more from each value to the next.",
    ),
    Claim(
        "hyperparameters/perplexity",
        QUESTION,
        "What do they do to the perplexity?",
        "Each of the three matters: the best perplexities at two of its values are 5% apart.",
    ),
    Claim(
        "hyperparameters/text",
        QUESTION,
        "What do they do to the generated text?",
        "In the better half of the trials more of its words are words of the text.",
    ),
    Claim(
        "parts/both-needed",
        QUESTION,
        "What happens with only a reset gate, or only an update gate?",
        "The whole GRU ends with a lower perplexity than either part, with every seed.",
    ),
    Claim(
        "parts/published-reset-only",
        SOLUTION,
        "The published class with only a reset gate is a GRU with only a reset gate.",
    ),
    Claim(
        "parts/published-update-only",
        SOLUTION,
        "The published class with only an update gate is a GRU with only an update gate.",
    ),
    Claim("identities/concatenation", NOTES, "X W_xh + H W_hh = [X, H] [W_xh; W_hh]."),
    Claim(
        "identities/shapes",
        NOTES,
        "Outputs are (num_steps * batch_size, vocab_size), states from scratch "
        "(batch_size, num_hiddens), states of rnn.RNN (1, batch_size, num_hiddens).",
    ),
    Claim(
        "identities/untrained",
        NOTES,
        "An untrained model continues a prefix with a text without meaning.",
    ),
    Claim(
        "identities/clipping",
        NOTES,
        "Clipping never changes the direction of the gradient, and caps its norm.",
    ),
    Claim(
        "sampling/perplexity",
        NOTES,
        "With random sampling instead of sequential partitioning the perplexity of the same "
        "model rises.",
    ),
    Claim("sampling/cost", NOTES, "Random sampling costs more time than sequential partitioning."),
    Claim("dependencies/reset-short", CHAPTER, "Reset gates capture short-term dependencies."),
    Claim("dependencies/update-long", CHAPTER, "Update gates capture long-term dependencies."),
    Claim(
        "gates/keep-or-not",
        NOTES,
        "How does the trained network decide whether to keep the hidden state?",
        "By the character that it reads: in most units that explains a tenth or more of how "
        "each gate varies.",
    ),
    Claim(
        "gates/word-boundaries",
        NOTES,
        "Do the gates have to do with the boundaries of words?",
        "In most units the end of a word explains a tenth or more of how a gate varies.",
    ),
)
