"""How much of a generated text is copied from the text that was trained on."""

from __future__ import annotations

#: Generated characters count as verbatim in runs of at least this length.
VERBATIM_RUN = 10


def verbatim_spans(generated: str, text: str, run: int = VERBATIM_RUN) -> list[list[int]]:
    """Return where ``generated`` has runs, of length ``run`` or more, copied from ``text``.

    A list of ``[start, end]``, in order, ``end`` not included; runs that touch are one.
    """
    spans: list[list[int]] = []
    for i in range(len(generated) - run + 1):
        if generated[i : i + run] in text:
            if spans and i <= spans[-1][1]:
                spans[-1][1] = i + run
            else:
                spans.append([i, i + run])
    return spans


def verbatim_share(generated: str, text: str, run: int = VERBATIM_RUN) -> float:
    """Return the share of ``generated`` that lies in runs copied from ``text``.

    Between 0 and 1; 0 for an empty string. Runs: see `verbatim_spans`.
    """
    copied = sum(end - start for start, end in verbatim_spans(generated, text, run))
    return copied / max(len(generated), 1)
