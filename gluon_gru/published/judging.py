"""Claims held against measurements: for each what was reported, what was measured, and a verdict.

Verdicts are words: ``holds``, ``does not hold``; ``faster`` or ``slower`` (a rate, on a GPU),
``other hardware`` (a rate, elsewhere), ``side by side`` (a text); ``cut short`` if it was trained
for fewer epochs than the source trained, ``not comparable: other corpus`` if on another text, and
``not measured`` if the run it needs isn't there.
"""

import dataclasses
import statistics
import typing

#: Generated characters count as verbatim in runs of at least so many.
VERBATIM_RUN = 10


@dataclasses.dataclass
class Measurement:
    """What a training run gave.

    Attributes:
        model: the protocol's.
        seed: that it started from.
        perplexity, tokens_per_sec, seconds: an entry an epoch; see `gluon_gru.History`.
        continuations: epoch, as a string -> generated texts in the order of the prefixes.
    """

    model: str
    seed: int
    perplexity: list
    tokens_per_sec: list
    seconds: list
    continuations: dict


@dataclasses.dataclass
class Verdict:
    """What became of a claim.

    Attributes:
        claim: the `gluon_gru.published.claims.Claim`'s id.
        measured: what it compares, a number a seed; for continuations, the share of characters in
            verbatim runs, averaged over the prefixes.
        further: for a rate or speedup, the same of the median epoch instead of the last one.
        epochs: after how many epochs.
        verdict: see this module's description.
        texts: for continuations, the first seed's.
        shares: for continuations, the published and the first seed's share in verbatim runs, for
            each prefix; the published one is None where it can't be known.
        spans: the same of where those runs are, counted from the prefix' start (see
            `verbatim_spans`); the published ones are empty where they can't be known.
    """

    claim: str
    measured: list
    verdict: str
    epochs: int = 0
    further: list = dataclasses.field(default_factory=list)
    texts: list = dataclasses.field(default_factory=list)
    shares: typing.List[list] = dataclasses.field(default_factory=list)
    spans: typing.List[list] = dataclasses.field(default_factory=list)

    @property
    def median(self):
        """Return the median over the seeds."""
        return statistics.median(self.measured)


def verbatim_spans(generated, text, run=VERBATIM_RUN):
    """Return where ``generated`` has runs, ``run`` or longer, copied from ``text``.

    A list of ``[start, end]``, in order, ``end`` not included; runs that touch are one.
    """
    spans = []
    for i in range(len(generated) - run + 1):
        if generated[i : i + run] in text:
            if spans and i <= spans[-1][1]:
                spans[-1][1] = i + run
            else:
                spans.append([i, i + run])
    return spans


def verbatim_share(generated, text, run=VERBATIM_RUN):
    """Return the share of ``generated`` that lies in runs, ``run`` or longer, copied from ``text``.

    Between 0 and 1; 0 for an empty string.
    """
    copied = sum(end - start for start, end in verbatim_spans(generated, text, run))
    return copied / max(len(generated), 1)


def judge(claim, measurements, training_text, is_books_corpus, on_gpu):
    """Return the `Verdict` on a claim.

    Args:
        claim: a `gluon_gru.published.claims.Claim`.
        measurements: all there are, a list of `Measurement`.
        training_text: what was trained on, a string.
        is_books_corpus: whether that is the book's.
        on_gpu: whether the measurements were made on a GPU.
    """
    runs = _runs(claim.protocol, measurements)
    baselines = _runs(claim.baseline, measurements) if claim.baseline else []
    if not runs or (claim.baseline and not baselines):
        return Verdict(claim.id, [], "not measured")
    epochs = min(len(run.perplexity) for run in runs)
    complete = epochs >= claim.protocol.num_epochs and all(
        len(run.perplexity) >= claim.baseline.num_epochs for run in baselines
    )
    epochs = min(epochs, claim.protocol.num_epochs)
    verdict = Verdict(claim.id, [], "", epochs)
    if claim.quantity == "perplexity":
        verdict.measured = [run.perplexity[epochs - 1] for run in runs]
        agrees = abs(verdict.median - claim.value) <= claim.tolerance
        verdict.verdict = "holds" if agrees else "does not hold"
    elif claim.quantity == "tokens/sec":
        verdict.measured, verdict.further = _rates(runs, epochs)
        verdict.verdict = (
            "other hardware"
            if not on_gpu
            else ("faster" if verdict.median >= claim.value else "slower")
        )
    elif claim.quantity == "speedup":
        fast = _rates(runs, epochs)
        slow = _rates(baselines, claim.baseline.num_epochs)
        verdict.measured, verdict.further = (
            [a / b for a, b in zip(f, s)] for f, s in zip(fast, slow)
        )
        verdict.verdict = "holds" if verdict.median > 1 else "does not hold"
    else:
        _judge_texts(
            verdict, claim, runs, training_text if is_books_corpus else None, training_text
        )
    if not is_books_corpus:
        verdict.verdict = "not comparable: other corpus"
    elif not complete:
        verdict.verdict = "cut short"
    return verdict


def _runs(protocol, measurements):
    return [run for run in measurements if run.model == protocol.model]


def _rates(runs, epochs):
    """Return the tokens/sec of epoch ``epochs`` and of the median epoch until then, for each."""
    return (
        [run.tokens_per_sec[:epochs][-1] for run in runs],
        [statistics.median(run.tokens_per_sec[:epochs]) for run in runs],
    )


def _judge_texts(verdict, claim, runs, books_text, training_text):
    prefixes = claim.protocol.prefixes

    def shares(texts, text):
        return [verbatim_share(t[len(p) :], text) for t, p in zip(texts, prefixes)]

    def spans(texts, text):
        return [
            [[len(p) + start, len(p) + end] for start, end in verbatim_spans(t[len(p) :], text)]
            for t, p in zip(texts, prefixes)
        ]

    generated = [run.continuations[str(verdict.epochs)] for run in runs]
    verdict.measured = [statistics.mean(shares(texts, training_text)) for texts in generated]
    verdict.texts = generated[0]
    published = shares(claim.value, books_text) if books_text else [None] * len(prefixes)
    verdict.shares = [list(pair) for pair in zip(published, shares(generated[0], training_text))]
    verdict.spans = [
        list(pair)
        for pair in zip(spans(claim.value, books_text or ""), spans(generated[0], training_text))
    ]
    verdict.verdict = "side by side"
