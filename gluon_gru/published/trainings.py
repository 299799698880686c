"""The evidence that trainings give on the published numbers and texts."""

from __future__ import annotations

import math
import statistics
from typing import Any, Mapping, Sequence, Tuple

from gluon_gru.published.claims import Claim, counts
from gluon_gru.published.judging import Evidence, spread
from gluon_gru.published.two_samples import LEVEL, POWER, power, rank_sum_p
from gluon_gru.published.verbatim import verbatim_share, verbatim_spans

#: The histories of trainings (`gluon_gru.History`, one per seed) by their protocol's ``key``.
Histories = Mapping[Tuple[str, str], Sequence[Any]]

#: The median perplexity of so many last epochs stands beside the last one's.
LAST_EPOCHS = 10


def evidence_of(
    claim: Claim, histories: Histories, training_text: str, is_books_corpus: bool, on_gpu: bool
) -> Evidence:
    """Return the evidence that trainings give on published numbers or texts.

    Its figures are ``measured``, what the claim is about, one per seed (of texts: the share of
    characters in verbatim runs, averaged over the prefixes); ``epochs``, after how many; of
    perplexities ``late``, the median of the last ten epochs of each seed; of rates and speedups
    ``further``, the same of the median epoch instead of the last one.

    Of what many builds printed, perplexities have ``printed``, how often we would have printed each
    value, ``p``, of the rank-sum test, and ``power``, how often it would have seen a difference of
    0.1; texts have ``published``, each build's share in verbatim runs, and ``same``, the published
    texts that our models wrote letter for letter. Of a single build's texts there are, by prefix,
    ``texts``, the first seed's, ``shares``, the published and the first seed's share in verbatim
    runs, and ``spans``, where those runs are, counted from the prefix' start. A published share is
    None, and its spans are empty, where they can't be known.

    Args:
        claim: about trainings.
        histories: of all trainings that there are.
        training_text: what was trained on.
        is_books_corpus: whether that is the book's.
        on_gpu: whether it was trained on a GPU.
    """
    protocol, baseline = claim.protocol, claim.baseline
    assert protocol is not None, f"{claim.id} is about no training"
    runs = histories.get(protocol.key, [])
    baselines = histories.get(baseline.key, []) if baseline else []
    trained = min((len(run.perplexity) for run in runs), default=0)
    epochs, asked = min(trained, protocol.num_epochs), protocol.num_epochs
    texts = [run.continuations.get(str(epochs)) for run in runs]
    missing = claim.quantity == "continuation" and None in texts
    if not runs or missing or (baseline and not baselines):
        return Evidence("nothing", "", [], {"measured": [], "epochs": 0}, "not measured")
    figures: dict = {"epochs": epochs}
    limit = ""
    if claim.quantity == "perplexity":
        upto = [run.perplexity[:epochs] for run in runs]
        figures["measured"] = [perplexities[-1] for perplexities in upto]
        figures["late"] = [statistics.median(some[-LAST_EPOCHS:]) for some in upto]
        if claim.many:
            right, limit = _compare_counts(claim, figures)
        else:
            right = abs(statistics.median(figures["measured"]) - claim.says) <= claim.tolerance
    elif claim.quantity == "tokens/sec":
        figures["measured"], figures["further"] = _rates(runs, epochs)
        right = statistics.median(figures["measured"]) >= statistics.median(_several(claim))
    elif baseline:
        both = zip(_rates(runs, epochs), _rates(baselines, baseline.num_epochs))
        figures["measured"], figures["further"] = (
            [fast / slow for fast, slow in zip(*rates)] for rates in both
        )
        right = statistics.median(figures["measured"]) > 1
    else:
        beside = _beside_many if claim.many else _beside
        figures.update(beside(claim, texts, training_text, is_books_corpus))
        right = True
    if not is_books_corpus:
        limit = "not comparable: other corpus"
    elif trained < asked or any(len(run) < baseline.num_epochs for run in baselines if baseline):
        limit = "cut short"
    elif claim.quantity == "tokens/sec" and not on_gpu:
        limit = "other hardware"
    ran = f"{protocol.model}, {epochs} of {asked} epochs, {len(runs)} of its trainings"
    return Evidence(ran, shown(claim, figures), [right], figures, limit)


def shown(claim: Claim, figures: Mapping[str, Any]) -> str:
    """Return in words what the figures of `evidence_of` show; empty if nothing was measured."""
    measured = figures["measured"]
    if not measured:
        return ""
    if claim.quantity == "perplexity":
        text = spread(measured, "{:.3f}".format)
        if "p" in figures:
            # Its power rounded down: 79.5% is less than the 80% that are asked for.
            text = (
                f"{counts(figures['printed'])}; {text}, last {LAST_EPOCHS} epochs "
                f"{spread(figures['late'], '{:.3f}'.format)}; p = {figures['p']:.2g}, "
                f"power {math.floor(100 * figures['power'])}%"
            )
        return text
    if claim.quantity == "continuation":
        text = f"{spread(measured, '{:.0%}'.format)} verbatim"
        if "same" in figures:
            text += (
                f" (published: {spread(figures['published'], '{:.0%}'.format)}); "
                f"{figures['same']} of the published texts letter for letter"
            )
        return text
    form = ("{:,.0f}" if claim.quantity == "tokens/sec" else "{:.1f}x").format
    rates = f"{spread(measured, form)} last epoch, {spread(figures['further'], form)} median epoch"
    if claim.quantity == "tokens/sec":
        of = statistics.median(measured) / statistics.median(_several(claim))
        rates += f"; {of:.2g} times the reported"
    return rates


def _several(claim: Claim) -> tuple[float, ...]:
    return claim.says if claim.many else (claim.says,)


def _compare_counts(claim: Claim, figures: dict) -> tuple[bool, str]:
    """Add the test of the printed values to the figures; return whether it holds, and its limit."""
    figures["printed"] = printed = [round(value, 1) for value in figures["measured"]]
    figures["p"] = rank_sum_p(printed, claim.says)
    figures["power"] = power(claim.says, len(printed))
    same = figures["p"] >= LEVEL
    return same, "too few runs to tell" if same and figures["power"] < POWER else ""


def _rates(runs, epochs):
    """Return the tokens/sec of epoch ``epochs`` and of the median epoch until then, for each."""
    return (
        [run.tokens_per_sec[:epochs][-1] for run in runs],
        [statistics.median(run.tokens_per_sec[:epochs]) for run in runs],
    )


def _beside_many(claim, generated, training_text, is_books_corpus):
    """Return the figures of generated texts, a list per seed, beside those of many builds."""

    def share(texts):
        written = [text[len(p) :] for text, p in zip(texts, claim.protocol.prefixes)]
        return statistics.mean(verbatim_share(text, training_text) for text in written)

    ours = {text for texts in generated for text in texts}
    return {
        "measured": [share(texts) for texts in generated],
        "published": [share(texts) for texts in claim.says],
        "same": sum(text in ours for texts in claim.says for text in texts),
    }


def _beside(claim, generated, training_text, is_books_corpus):
    """Return the figures of generated texts, a list per seed, beside the published ones."""
    prefixes = claim.protocol.prefixes
    books_text = training_text if is_books_corpus else ""

    def shares(texts, text):
        return [verbatim_share(t[len(p) :], text) for t, p in zip(texts, prefixes)]

    def spans(texts, text):
        return [
            [[len(p) + start, len(p) + end] for start, end in verbatim_spans(t[len(p) :], text)]
            for t, p in zip(texts, prefixes)
        ]

    published = shares(claim.says, books_text) if is_books_corpus else [None] * len(prefixes)
    places = spans(claim.says, books_text), spans(generated[0], training_text)
    return {
        "measured": [statistics.mean(shares(texts, training_text)) for texts in generated],
        "texts": generated[0],
        "shares": [list(pair) for pair in zip(published, shares(generated[0], training_text))],
        "spans": [list(pair) for pair in zip(*places)],
    }
