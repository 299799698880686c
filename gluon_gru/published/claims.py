"""What the sources report, as data: the only place where a published number stands.

A `Claim` is one number, text or sentence of a source; a `Protocol` is how a number was made.
Everything else (which runs are needed, how they are judged, what a report shows) follows from
these. The sentences stand with the exercises that check them (`gluon_gru.studies.exercises`).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Iterable, Sequence

from gluon_gru.published.sources import CHAPTER, SLIDES, Source


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a number was made: the model and its training.

    Every run: characters, weights from a Gaussian with standard deviation 0.01, biases 0, SGD
    without decay, gradient norm clipped to 1.

    Attributes:
        model: a key of `gluon_gru.studies.reproduce.study.MODELS`.
        num_epochs: how long the source trained before it printed.
        max_tokens: how many tokens of the corpus are trained on, from its beginning.
        batch_size, num_steps, num_hiddens, lr: as in the book.
        prefixes, num_predicts: what is continued at the end, and by how many tokens.
        use_random_iter: random sampling instead of sequential partitioning.
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


@dataclasses.dataclass(frozen=True)
class Claim:
    """A number, texts or a sentence of a source that running something can check.

    The fields after ``quantity`` are of what trainings give.

    Attributes:
        id: ``group/what``; the group is a source's run or comparison, which ``reproduce --claims``
            takes, or the exercise that checks a sentence.
        source: where it is published.
        says: a number; for continuations, the texts in the order of the protocol's prefixes; or a
            sentence, in our words.
        tested: for a sentence that is a question, what is put to the test.
        quantity: ``statement``, ``perplexity``, ``tokens/sec``, ``continuation`` or ``speedup``.
        protocol: how it was made; for a speedup, that of the faster model.
        tolerance: how far a measured number may be off and still agree; None where no measured
            number could agree or disagree.
        reason: why this tolerance.
        device: what it was measured on, where that matters.
        baseline: for a speedup, the protocol of the slower model.
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

    @property
    def group(self) -> str:
        """Return what its id starts with."""
        return self.id.split("/")[0]

    @property
    def reported(self) -> str:
        """Return what the source says, in words."""
        if self.quantity == "perplexity":
            return f"{self.says:g} ± {self.tolerance:g}"
        if self.quantity == "tokens/sec":
            return f"{self.says:,.0f} on {self.device}"
        if self.quantity == "speedup":
            return f"{self.says:.1f}x on {self.device}"
        if self.quantity == "continuation":
            return f"{len(self.says)} texts"
        return f"{self.says} {self.tested}".strip()


SCRATCH = Protocol("gru-scratch", 500)
CONCISE = Protocol("gru-concise", 500)
#: The slides' run from scratch is the chapter's, stopped earlier.
SCRATCH_SHORT = dataclasses.replace(SCRATCH, num_epochs=50)

_GPU = "gpu(0)"
_ONE_DECIMAL = "printed with one decimal: from 1.05 to 1.15 rounds to it"
_STEEP = (
    "it lies on the steep part of the curve, where a few epochs, and so another random "
    "start, make this much"
)
_OTHER_GPU = "a rate belongs to its hardware, which the source does not name beyond gpu(0)"
_OTHER_WEIGHTS = "another random start gives another text; letters are not compared"
_FASTER = "it holds if the concise model is the faster one; by how much is a matter of hardware"


def _training_output(
    group: str,
    source: Source,
    protocol: Protocol,
    perplexity: float,
    tolerance: float,
    reason: str,
    rate: float,
    texts: tuple[str, ...],
) -> tuple[Claim, ...]:
    """Return the three claims that a printed training output makes."""

    def claim(quantity, says, reason, **more):
        return Claim(
            f"{group}/{quantity}",
            source,
            says,
            quantity=quantity,
            protocol=protocol,
            reason=reason,
            **more,
        )

    return (
        claim("perplexity", perplexity, reason, tolerance=tolerance),
        claim("tokens/sec", rate, _OTHER_GPU, device=_GPU),
        claim("continuation", texts, _OTHER_WEIGHTS),
    )


def _speedup(group: str, concise: Sequence[Claim], scratch: Sequence[Claim]) -> Claim:
    """Return the claim that two printed rates make together."""
    faster, slower = (
        next(claim for claim in claims if claim.quantity == "tokens/sec")
        for claims in (concise, scratch)
    )
    return dataclasses.replace(
        faster,
        id=f"{group}/speedup",
        says=faster.says / slower.says,
        quantity="speedup",
        reason=_FASTER,
        baseline=slower.protocol,
    )


_chapter_scratch = _training_output(
    "chapter-scratch",
    CHAPTER,
    SCRATCH,
    1.1,
    0.05,
    _ONE_DECIMAL,
    14693,
    (
        "time traveller it s against reason said filby what reason said",
        "traveller it s against reason said filby what reason said",
    ),
)
_chapter_concise = _training_output(
    "chapter-concise",
    CHAPTER,
    CONCISE,
    1.1,
    0.05,
    _ONE_DECIMAL,
    194937,
    (
        "time traveller it s against reason said filby what reason said",
        "traveller convence but a civilized man is better off than t",
    ),
)
_slides_scratch = _training_output(
    "slides-scratch",
    SLIDES,
    SCRATCH_SHORT,
    10.6,
    0.5,
    _STEEP,
    13809,
    (
        "time travellere the the the the the the the the the the the the",
        "travellere the the the the the the the the the the the the",
    ),
)
_slides_concise = _training_output(
    "slides-concise",
    SLIDES,
    CONCISE,
    1.1,
    0.05,
    _ONE_DECIMAL,
    99504,
    (
        "time traveller sit as he ghe wis our some said filby can exputt",
        "traveller sut esh uighay an all disconestwink we caur the s",
    ),
)

CLAIMS = (
    *_chapter_scratch,
    *_chapter_concise,
    *_slides_scratch,
    *_slides_concise,
    _speedup("chapter-speedup", _chapter_concise, _chapter_scratch),
    _speedup("slides-speedup", _slides_concise, _slides_scratch),
)

GROUPS = tuple(dict.fromkeys(claim.group for claim in CLAIMS))

#: The engine's models that stand in for those of protocols (`gluon_gru.studies.reproduce.study`).
FUSED = {"gru-scratch": "gru-fused", "gru-concise": "gru-concise-fused"}


def on_engine(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return claims as the engine's models are held against them, in groups of their own.

    Those about speedups are left out: they compare two ways to write a model in MXNet.
    """
    return tuple(
        dataclasses.replace(
            claim,
            id=f"{claim.group}-fused/{claim.quantity}",
            protocol=dataclasses.replace(claim.protocol, model=FUSED[claim.protocol.model]),
        )
        for claim in claims
        if claim.protocol and claim.protocol.model in FUSED and claim.quantity != "speedup"
    )
