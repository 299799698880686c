"""What an exercise is, what it works with, and what it gives."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, NamedTuple, Sequence

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Evidence, Verdict, judge
from gluon_gru.report.document import Chart, Table
from gluon_gru.runs.folder import Folder
from gluon_gru.text.corpus import Corpus

if TYPE_CHECKING:
    import mxnet

    from gluon_gru.studies.jobs import Job
    from gluon_gru.text.vocabulary import Vocab


@dataclasses.dataclass
class Context:
    """What every exercise works with.

    Attributes:
        folder: of the results; its record holds the trainings.
        corpus: the text that is read.
        source: its ``(tokens, vocab)``.
        ctx: the device.
        num_seeds: every model is trained from the seeds 1 to num_seeds.
        quick: whether trainings are cut short.
        made_by: the ``command`` and its ``environment``, for the records.
        workers, cluster: where trainings run; see `gluon_gru.studies.jobs.run`.
    """

    folder: Folder
    corpus: Corpus
    source: tuple[Any, Vocab]
    ctx: mxnet.Context
    num_seeds: int
    quick: bool
    made_by: dict[str, Any]
    workers: int = 1
    cluster: str | None = None

    @property
    def out(self) -> pathlib.Path:
        """Return the path of the folder."""
        return self.folder.path

    @property
    def seeds(self) -> range:
        """Return the seeds that every model is trained from."""
        return range(1, self.num_seeds + 1)

    @property
    def settings(self) -> dict[str, Any]:
        """Return what has to be the same for another command to go on in the folder."""
        return {"device": str(self.ctx), "quick": self.quick}

    def run(
        self, some: Sequence[Job], on_result: Callable[[Job, Any], None], unit: str = "training"
    ) -> None:
        """Run jobs by `gluon_gru.studies.jobs.run`."""
        from gluon_gru.studies import jobs

        if some:
            jobs.run(some, min(self.workers, len(some)), self.cluster, on_result, len(some), unit)

    def alone(self, number: int) -> bool:
        """Return whether each of so many jobs runs in this process, and may show its progress."""
        return min(self.workers, number) == 1 and not self.cluster

    def each(
        self, function: Callable[..., Any], arguments: Iterable[tuple], unit: str = "model"
    ) -> list[Any]:
        """Return what a function returns for each tuple of arguments, run as jobs.

        Args:
            function: of the top of a module.
            arguments: what can be pickled.
            unit: what the progress bar counts.
        """
        from gluon_gru.studies.jobs import Job

        found: dict[int, Any] = {}
        some = [Job(function, args, number) for number, args in enumerate(arguments)]
        self.run(some, lambda job, result: found.update({job.key: result}), unit)
        return [found[number] for number in range(len(some))]

    @property
    def text_facts(self) -> dict[str, Any]:
        """Return what a record says of the text, its edition included."""
        return {**self.corpus.facts, "edition": self.source[1].edition}

    def text(self, num_characters: int | None = None) -> str:
        """Return the first so many characters of the text; by default all."""
        tokens, vocab = self.source
        return "".join(vocab.to_tokens(tokens[:num_characters]))

    def judge(
        self, claim: Claim, ran: str, shows: str, cases: Iterable[bool], figures: Mapping[Any, Any]
    ) -> Verdict:
        """Return the verdict on a claim by its `Evidence`, which rests on trainings."""
        return judged(claim, ran, shows, cases, figures, "cut short" if self.quick else "")


def judged(
    claim: Claim,
    ran: str,
    shows: str,
    cases: Iterable[bool],
    figures: Mapping[Any, Any],
    limit: str = "",
) -> Verdict:
    """Return the verdict on a claim by its `Evidence`."""
    return judge(claim, Evidence(ran, shows, cases, dict(figures), limit))


class Answer(NamedTuple):
    """The answer to an exercise.

    Attributes:
        in_short: a sentence with figures.
        verdicts: on its statements.
        tables, charts: what the report shows.
        walks: gates over a text for a page, as `gluon_gru.gates.walk.walk` returns them.
    """

    in_short: str
    verdicts: list[Verdict]
    tables: list[Table]
    charts: list[Chart] = []
    walks: list[dict] = []


@dataclasses.dataclass
class Exercise:
    """An exercise; it decorates the function that answers it.

    Attributes:
        name: what the command calls it.
        question: what is asked.
        reasoning: the thoughts that lead to the answer.
        trains: the protocols that it needs trained: see
            `gluon_gru.studies.exercises.trained.protocol`.
        check: a function of ``(tokens, vocab)`` that raises InputError for a text that won't do,
            before anything is trained.
        answer: the function that answers it.
        statements: what is judged, in the order of the report: the claims of the function's module.
    """

    name: str
    question: str
    reasoning: str
    trains: Sequence[str] = ()
    check: Callable[[tuple], None] = lambda source: None
    answer: Callable[[Context], Answer] = dataclasses.field(init=False)
    statements: tuple[Claim, ...] = ()

    def __call__(self, answer: Callable[[Context], Answer]) -> Exercise:
        """Take the function that answers it."""
        claims = (one for one in answer.__globals__.values() if isinstance(one, Claim))
        self.answer, self.statements = answer, tuple(claims)
        return self
