"""What the sources report, as data: the only place where a published number stands.

A `Claim` is a number, a text or a sentence of a source, or what all builds of the book printed of
one training; a `Protocol` is how a number was made. Everything else (which trainings are needed, how
they are judged, what a report shows) follows from these. The numbers are those of
`gluon_gru.published.runs`; the sentences stand with the exercises that check them
(`gluon_gru.studies.exercises`).
"""

from __future__ import annotations

import collections
import dataclasses
import statistics
from typing import Any, Callable, Iterable, Sequence

from gluon_gru.errors import InputError
from gluon_gru.published.runs import PublishedRun, published_runs
from gluon_gru.published.sources import BUILDS, CHAPTER, GRU_SECTION, SLIDES, Source, builds, slides


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a number was made: the model and its training.

    Every run: characters, weights from a Gaussian with standard deviation 0.01, biases 0, SGD
    without decay, gradient norm clipped to 1.

    Attributes:
        model: a key of `gluon_gru.studies.reproduce.models.MODELS`.
        num_epochs: how long the source trained before it printed.
        max_tokens: how many tokens of the corpus are trained on, from its beginning.
        batch_size, num_steps, num_hiddens, num_layers, lr: as in the book.
        directions: 2 for a bidirectional model.
        prefixes, num_predicts: what is continued at the end, and by how many tokens.
        use_random_iter: random sampling instead of sequential partitioning.
        cold: sequential partitioning, but the state starts from zeros in each minibatch.
        after: the protocol whose trained model this one goes on with, if any.
        edition: of the text: a key of `gluon_gru.text.editions.EDITIONS`.
    """

    model: str
    num_epochs: int
    max_tokens: int = 10000
    batch_size: int = 32
    num_steps: int = 35
    num_hiddens: int = 256
    lr: float = 1
    prefixes: tuple[str, ...] = ("time traveller", "traveller")
    num_predicts: int = 50
    use_random_iter: bool = False
    num_layers: int = 1
    directions: int = 1
    cold: bool = False
    after: Protocol | None = None
    edition: str = "2019"

    @property
    def key(self) -> tuple[str, str]:
        """Model and edition, by which trainings are told apart."""
        return self.model, self.edition


@dataclasses.dataclass(frozen=True)
class Claim:
    """A number, texts or a sentence of a source that running something can check.

    The fields after ``quantity`` are of what trainings give.

    Attributes:
        id: ``group/what``; the group is a source's run or comparison, or the exercise that checks a
            sentence.
        source: where it is published.
        says: a number; for continuations, the texts in the order of the protocol's prefixes; or a
            sentence, in our words. Where ``many``, a tuple of such numbers or texts, one per build.
        tested: what is put to the test, where the sentence doesn't say it.
        quantity: ``statement``, ``question``, ``perplexity``, ``tokens/sec``, ``continuation`` or
            ``speedup``.
        protocol: how it was made; for a speedup, that of the faster model.
        tolerance: how far a measured number may be off and still agree; None where no measured
            number could agree or disagree.
        reason: why this tolerance, or how it is judged.
        device: what it was measured on, where that matters.
        baseline: for a speedup, the protocol of the slower model.
        many: whether it is what many builds of the book printed.
        origin: where it was printed, one of `ORIGINS`; empty for a sentence.
    """

    id: str
    source: Source
    says: Any
    tested: str = ""
    quantity: str = "statement"
    protocol: Protocol | None = None
    tolerance: float | None = None
    reason: str = ""
    device: str = ""
    baseline: Protocol | None = None
    many: bool = False
    origin: str = ""

    @property
    def group(self) -> str:
        """Return what its id starts with."""
        return self.id.split("/")[0]

    @property
    def reported(self) -> str:
        """Return what the source says, in words."""
        if self.quantity == "perplexity":
            return counts(self.says) if self.many else f"{self.says:g} ± {self.tolerance:g}"
        if self.quantity == "tokens/sec":
            return f"{_span(self.says, '{:,.0f}'.format)} on {self.device}"
        if self.quantity == "speedup":
            return f"{_span(self.says, '{:.1f}x'.format)} on {self.device}"
        if self.quantity == "continuation":
            return f"{sum(map(len, self.says)) if self.many else len(self.says)} texts"
        return f"{self.says} {self.tested}".strip()


def counts(values: Iterable[float]) -> str:
    """Return how often each perplexity was printed, in words: ``1.1 in 41 of 44, 1.0 in 3``."""
    often = collections.Counter(values).most_common()
    total = f" of {sum(number for _, number in often)}"
    return ", ".join(
        f"{value:.1f} in {number}{'' if i else total}" for i, (value, number) in enumerate(often)
    )


def _span(says: Any, form: Callable[[float], str]) -> str:
    """Return a number, or the least, median and most of several."""
    if not isinstance(says, tuple):
        return form(says)
    return f"{form(min(says))}, {form(statistics.median(says))}, {form(max(says))}"


#: The published protocols, by the name of their model. What the book calls random sampling is
#: sequential partitioning with a state of zeros in each minibatch (only the loop was told of random
#: sampling, not the loader); until April 2021 it went on with the model that was trained already.
PROTOCOLS = {
    protocol.model: protocol
    for protocol in (
        Protocol("rnn-scratch", 500, num_hiddens=512),
        Protocol(
            "rnn-scratch-random-continued",
            500,
            num_hiddens=512,
            cold=True,
            after=Protocol("rnn-scratch", 500, num_hiddens=512),
        ),
        Protocol("rnn-scratch-random", 500, num_hiddens=512, cold=True),
        Protocol("rnn-concise", 500),
        Protocol("gru-scratch", 500),
        Protocol("gru-concise", 500),
        Protocol("lstm-scratch", 500),
        Protocol("lstm-concise", 500),
        Protocol("lstm-deep", 500, num_layers=2, lr=2),
        Protocol("lstm-bidirectional", 500, num_layers=2, directions=2),
    )
}

SCRATCH = PROTOCOLS["gru-scratch"]
#: The slides' run from scratch is the chapter's, stopped earlier.
SCRATCH_SHORT = dataclasses.replace(SCRATCH, num_epochs=50)

_SECTIONS = {
    "rnn-scratch": "Implementation of Recurrent Neural Networks from Scratch",
    "rnn-concise": "Concise Implementation of Recurrent Neural Networks",
    "gru": GRU_SECTION,
    "lstm-deep": "Deep Recurrent Neural Networks",
    "lstm-bidirectional": "Bidirectional Recurrent Neural Networks",
    "lstm": "Long Short-Term Memory (LSTM)",
}

_GPU = "gpu(0)"
_REASONS = {
    "perplexity": "printed with one decimal: from 1.05 to 1.15 rounds to it",
    "tokens/sec": "a rate belongs to its hardware, which the source does not name beyond gpu(0)",
    "continuation": "another random start gives another text; letters are not compared",
    "speedup": "the direction is judged: whether the concise model is the faster one; by how much "
    "is a matter of hardware",
}
_EARLY = (
    "printed with one decimal (0.05), and another random start makes 0.1 there: seeds 1 to 5 of the "
    "GRU ended between 10.63 and 10.70"
)
_COUNTS = (
    "the counts of the printed values, ours against the published ones, by the rank-sum test; it "
    "holds if the test finds no difference although it would have seen one of 0.1"
)


def tolerance(early: bool) -> tuple[float, str]:
    """Return how far a perplexity may be off a printed one, and why.

    Args:
        early: whether it was printed before the model had learned its text.
    """
    return (0.15, _EARLY) if early else (0.05, _REASONS["perplexity"])


def edition_of_protocol(protocol: Protocol, edition: str) -> Protocol:
    """Return a protocol on the text of an edition."""
    after = protocol.after and edition_of_protocol(protocol.after, edition)
    return dataclasses.replace(protocol, edition=edition, after=after)


def _claims_of_run(origin: str, source: Source, name: str, run: PublishedRun) -> list[Claim]:
    """Return the three claims that one printed result makes."""
    early = run.epochs < PROTOCOLS[run.protocol].num_epochs
    protocol = dataclasses.replace(PROTOCOLS[run.protocol], num_epochs=run.epochs)

    def claim(quantity: str, says: Any, **more: Any) -> Claim:
        return Claim(
            f"{origin}-{name}/{quantity}",
            source,
            says,
            quantity=quantity,
            protocol=edition_of_protocol(protocol, run.edition),
            origin=origin,
            **{"reason": _REASONS[quantity], **more},
        )

    allowed, why = tolerance(early)
    return [
        claim("perplexity", run.perplexity, tolerance=allowed, reason=why),
        claim("tokens/sec", run.tokens_per_sec, device=_GPU),
        claim("continuation", run.texts),
    ]


def _speedup(origin: str, name: str, concise: Claim, scratch: Claim, says: Any) -> Claim:
    """Return the claim that the rates of two models make together."""
    return dataclasses.replace(
        concise,
        id=f"{origin}-{name}/speedup",
        says=says,
        quantity="speedup",
        reason=_REASONS["speedup"],
        baseline=scratch.protocol,
    )


def _claims_of_commit(origin: str, source: Source, commit: str, cell: str = "gru") -> list[Claim]:
    """Return the claims of a cell's section in one build, as its report orders them."""
    of = {run.protocol: run for run in published_runs() if run.commit == commit}
    scratch = _claims_of_run(origin, source, "scratch", of[f"{cell}-scratch"])
    concise = _claims_of_run(origin, source, "concise", of[f"{cell}-concise"])
    ratio = concise[1].says / scratch[1].says
    return [*scratch, *concise, _speedup(origin, "speedup", concise[1], scratch[1], ratio)]


def _claims_of_builds(edition: str) -> list[Claim]:
    """Return the claims that all builds of the book with an edition of the text make together."""
    origin, claims, rates = f"book-{edition}", [], {}
    for name, protocol in PROTOCOLS.items():
        runs = [
            run
            for run in published_runs()
            if (run.protocol, run.edition, run.source) == (name, edition, "book")
        ]
        if not runs:
            continue
        section = next(_SECTIONS[start] for start in _SECTIONS if name.startswith(start))

        def claim(quantity: str, says: Any, **more: Any) -> Claim:
            return Claim(
                f"{origin}-{name}/{quantity}",  # noqa: B023
                builds(section, edition),  # noqa: B023
                says,
                quantity=quantity,
                protocol=edition_of_protocol(protocol, edition),  # noqa: B023
                many=True,
                origin=origin,
                **{"reason": _REASONS[quantity], **more},
            )

        rate = claim("tokens/sec", tuple(run.tokens_per_sec for run in runs), device=_GPU)
        rates[name] = rate, {run.commit: run.tokens_per_sec for run in runs}
        claims += [
            claim("perplexity", tuple(run.perplexity for run in runs), reason=_COUNTS),
            rate,
            claim("continuation", tuple(run.texts for run in runs)),
        ]
    for cell in ("rnn", "gru", "lstm"):
        (fast, concise), (slow, scratch) = rates[f"{cell}-concise"], rates[f"{cell}-scratch"]
        ratios = tuple(concise[commit] / scratch[commit] for commit in concise if commit in scratch)
        claims.append(_speedup(origin, f"{cell}-speedup", fast, slow, ratios))
    return claims


_SLIDES_COMMIT = "b7fa55565a"

CLAIMS = (
    *_claims_of_commit("chapter", CHAPTER, "2e01095093"),
    *_claims_of_commit("slides", SLIDES, _SLIDES_COMMIT),
    *_claims_of_commit("slides-rnn", slides("Recurrent Neural Networks"), _SLIDES_COMMIT, "rnn"),
    *_claims_of_commit("slides-lstm", slides(_SECTIONS["lstm"]), _SLIDES_COMMIT, "lstm"),
    *(claim for edition in BUILDS for claim in _claims_of_builds(edition)),
)

#: The origins of claims, and those that are judged unless others are asked for.
ORIGINS = tuple(dict.fromkeys(claim.origin for claim in CLAIMS))
DEFAULT_ORIGINS = ("chapter", "slides")


def select(words: Sequence[str], claims: Sequence[Claim] = CLAIMS) -> list[Claim]:
    """Return the claims that words ask for: origins, protocols, or groups of claims.

    Raises:
        InputError: for no word, and one that is none of these.
    """
    names = {claim.id: {claim.group, claim.origin, _protocol_name(claim)} for claim in claims}
    unknown = [word for word in words if not any(word in some for some in names.values())]
    if unknown or not words:
        raise InputError(
            f"claims {', '.join(unknown) or '(none)'}: choose from the sources "
            f"{', '.join(ORIGINS)}, the protocols {', '.join(PROTOCOLS)}, or a group of claims "
            "such as chapter-scratch"
        )
    return [claim for claim in claims if not names[claim.id].isdisjoint(words)]


def _protocol_name(claim: Claim) -> str:
    return claim.protocol.model if claim.protocol and claim.quantity != "speedup" else ""


def fused(model: str) -> str:
    """Return the name of the engine's model that stands in for a protocol's."""
    return "gru-fused" if model == "gru-scratch" else f"{model}-fused"


def on_engine(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return claims as the engine's models are held against them, in groups of their own.

    Those about speedups are left out: they compare two ways to write a model in MXNet.
    """
    return tuple(
        dataclasses.replace(
            claim,
            id=f"{claim.group}-fused/{claim.quantity}",
            protocol=_fused_protocol(claim.protocol),
        )
        for claim in claims
        if claim.protocol and claim.quantity != "speedup"
    )


def _fused_protocol(protocol: Protocol) -> Protocol:
    after = protocol.after and _fused_protocol(protocol.after)
    return dataclasses.replace(protocol, model=fused(protocol.model), after=after)
