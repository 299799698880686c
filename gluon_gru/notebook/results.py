"""What a notebook's trainings printed: read from the outputs of its cells, and judged."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Mapping

from gluon_gru.published.claims import Claim, tolerance
from gluon_gru.published.judging import Evidence, Verdict, judge
from gluon_gru.published.sources import Source
from gluon_gru.published.verbatim import verbatim_share

# "Perplexity 1.1, 9000 tokens/sec on gpu(0)" until June 2020, "perplexity 1.1, 9000.0 tokens/sec on
# gpu(0)" from July 2020 on, and in Chinese "困惑度 1.1, 9000.0 词元/秒 gpu(0)", at first 标记/秒.
_PRINTED = re.compile(
    r"(?:[Pp]erplexity|困惑度) (\d+\.\d+|inf|nan), (\d+(?:\.\d+)?) (?:tokens/sec on|\S+/秒) (\S+)"
)
_PREFIXES = ("time traveller", "traveller")

#: After so many epochs, the book's models know their text by heart.
_LATE = 500


@dataclasses.dataclass(frozen=True)
class Printed:
    """What a training printed at its end.

    Attributes:
        perplexity: with one decimal.
        rate: tokens/sec of the last epoch.
        device: such as ``gpu(0)``.
        texts: the prefixes, and what it wrote after each, prefix included.
    """

    perplexity: float
    rate: float
    device: str
    texts: Mapping[str, str]

    @property
    def on_gpu(self) -> bool:
        """Whether it was trained on a GPU."""
        return not self.device.startswith("cpu")


def printed(cell: Any) -> list[Printed]:
    """Return what the trainings of a cell printed, in order.

    Args:
        cell: nbformat's, of code.
    """
    streams = [output for output in cell.outputs if output.get("output_type") == "stream"]
    shown = [one.get("text") or "" for one in streams if one.get("name") != "stderr"]
    lines = "".join(shown).split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        match = _PRINTED.fullmatch(line)
        if match:
            after = zip(_PREFIXES, lines[number:])
            texts = {prefix: text for prefix, text in after if text.startswith(prefix)}
            found.append(Printed(float(match[1]), float(match[2]), match[3], texts))
    return found


@dataclasses.dataclass(frozen=True)
class Training:
    """How many epochs a training asked for, and how many it had."""

    asked: int
    ran: int


@dataclasses.dataclass(frozen=True)
class Judged:
    """A stored result beside what came out now.

    Attributes:
        cell: its number, from 1, among the cells of code.
        stored, now: what was printed; ``now`` is None if nothing was.
        training: of now; None if it isn't known.
        shares: by prefix, how much of the stored text and of today's is verbatim, from 0 to 1; None
            for what can't be known.
        verdicts: on perplexity, rate and texts.
    """

    cell: int
    stored: Printed
    now: Printed | None
    training: Training | None
    shares: Mapping[str, tuple[float | None, float | None]]
    verdicts: tuple[Verdict, ...]


def judged(
    cell: int,
    stored: Printed,
    now: Printed | None,
    training: Training | None,
    trained_on: str,
    is_books_corpus: bool,
) -> Judged:
    """Return a stored result with its verdicts.

    Each printed perplexity is one draw, with one decimal: the same one holds. That two are one
    decimal apart can be the random start, so that it is too few runs to tell. A training of fewer
    than 500 epochs is judged as an early one, see `gluon_gru.published.claims.tolerance`.

    Args:
        cell, stored, now, training: see `Judged`.
        trained_on: the text that was trained on.
        is_books_corpus: whether that is the book's.
    """
    allowed, why = tolerance(early=training is not None and training.asked < _LATE)
    limit = ""
    if now is None:
        limit = "not measured"
    elif not is_books_corpus:
        limit = "not comparable: other corpus"
    elif training and training.ran < training.asked:
        limit = "cut short"
    ran = f"cell {cell}" + (f", {training.ran} of {training.asked} epochs" if training else "")
    source = Source("the notebook", f"cell {cell}", "its stored outputs")

    def verdict(quantity: str, says: Any, measured: Any, right: bool, limited: str) -> Verdict:
        claim = Claim(
            f"cell-{cell}/{quantity}", source, says, "", quantity, None, allowed, why, stored.device
        )
        shows = "" if now is None else str(measured)
        return judge(claim, Evidence(ran, shows, [right], {"measured": measured}, limited))

    # Printed decimals aren't exact in binary.
    apart = round(abs(now.perplexity - stored.perplexity), 3) if now else 0.0
    unsure = "too few runs to tell" if allowed < apart <= 0.1 else ""
    elsewhere = "" if now and now.on_gpu and stored.on_gpu else "other hardware"
    verdicts = [
        verdict(
            "perplexity",
            stored.perplexity,
            now and now.perplexity,
            apart <= allowed,
            limit or unsure,
        ),
        verdict(
            "tokens/sec",
            stored.rate,
            now and now.rate,
            bool(now and now.rate >= stored.rate),
            limit or elsewhere,
        ),
    ]
    if stored.texts:
        texts = now and list(now.texts.values())
        verdicts.append(verdict("continuation", list(stored.texts.values()), texts, True, limit))

    def share(one: Printed | None, prefix: str, known: bool) -> float | None:
        text = one.texts.get(prefix) if one and known else None
        return None if text is None else verbatim_share(text[len(prefix) :], trained_on)

    shares = {
        prefix: (share(stored, prefix, is_books_corpus), share(now, prefix, True))
        for prefix in stored.texts
    }
    return Judged(cell, stored, now, training, shares, tuple(verdicts))
