"""The schemas of records: `RECORD`, and what records of a kind consist of."""

# See `checking` on the annotations.
from typing import Any, Dict, List, Optional, Tuple, Union

import msgspec
from msgspec import UNSET, Meta

from gluon_gru.cells import OPTIONS
from gluon_gru.runs.schemas.charts import Bars, Curves, HeatMap, PictureName
from gluon_gru.runs.schemas.checking import (
    Amount,
    Annotated,
    Case,
    Count,
    EditionName,
    Fact,
    Maybe,
    Number,
    Positive,
    Share,
    Size,
    Strict,
    Tokens,
    one_of,
    refuse,
)
from gluon_gru.runs.schemas.sweep import (
    Baselines,
    Complete,
    Diverged,
    Importance,
    Lost,
    Pruned,
    SweepSettings,
)
from gluon_gru.text.rules import LINES


class Invocation(Strict):
    """A command, and the environment it ran in, in which facts can be added."""

    command: str
    environment: Dict[str, Fact]

    def __post_init__(self) -> None:
        needed = {"processor", "cores", "device", "OMP_NUM_THREADS", "commit"}
        refuse(sorted(needed - set(self.environment)), "environment lacks")


class BookText(Strict):
    """The facts of the book's corpus, or of the text in its place."""

    name: str
    sha1: str
    is_books: bool
    note: str
    edition: Maybe[EditionName] = UNSET


class OwnText(Strict):
    """The facts of a text of one's own."""

    name: str
    size: Count
    sha256: str
    num_tokens: Count
    num_training: Count
    vocab_size: Count
    unknown: Share
    unknown_held_out: Maybe[Share] = UNSET
    spelling_bits_per_character: Maybe[Amount] = UNSET


class TrainedText(Strict):
    """What version 0.1.0 recorded of the text of an exercise's training, and what there is today."""

    sha1: str
    edition: EditionName
    name: Maybe[str] = UNSET
    is_books: Maybe[bool] = UNSET
    note: Maybe[str] = UNSET


class TrainSettings(Strict):
    """See `gluon_gru.own_texts.settings`, which checks how they fit together."""

    tokens: Tokens
    case: Case
    cell: Annotated[str, one_of(OPTIONS)]
    num_hiddens: Size
    num_layers: Size
    dropout: Share
    optimizer: str
    lr: Positive
    decay: Share
    batch_size: Size
    num_steps: Size
    sampling: str
    validation: Share
    patience: Count
    epochs: Positive
    seed: Count
    encoding: str = "utf-8"
    lines: Annotated[str, one_of(LINES)] = "keep"


class Round(Strict):
    """The measurements of a round on a text of one's own."""

    epoch: Amount
    train_perplexity: Positive
    validation_perplexity: Positive
    bits_per_character: Amount
    lr: Amount
    seconds: Amount
    tokens_per_sec: Amount


class StartedFrom(Strict):
    """The model that a training started from: see `gluon_gru.own_texts.starting`."""

    name: str
    sha256: str
    vocab_size: Size


class Comparison(Strict):
    """The best model beside counts: see `gluon_gru.own_texts.comparing`."""

    order: Size
    num_counted: Count
    bits_per_character: Amount
    sample: str
    copied: Share
    held_out_copied: Share


class Epochs(Strict):
    """A `gluon_gru.History`."""

    perplexity: List[Positive]
    tokens_per_sec: List[Amount]
    seconds: List[Amount]
    continuations: Dict[str, Annotated[List[str], Meta(min_length=1)]]

    def __post_init__(self) -> None:
        lengths = {len(self.perplexity), len(self.tokens_per_sec), len(self.seconds)}
        refuse(len(lengths) > 1 and sorted(lengths), "perplexity, rates and seconds have lengths")


class Measurement(Epochs, kw_only=True):
    """A recorded training."""

    model: str
    seed: Count
    edition: Maybe[EditionName] = UNSET
    perplexity: Annotated[List[Positive], Meta(min_length=1)]


class Figures(Strict):
    """The figures of a claim about trainings; `gluon_gru.published.records` knows which it needs."""

    epochs: Count
    measured: List[Amount]
    late: Maybe[List[Positive]] = UNSET
    further: Maybe[List[Amount]] = UNSET
    printed: Maybe[List[Amount]] = UNSET
    p: Maybe[Share] = UNSET
    power: Maybe[Share] = UNSET
    published: Maybe[List[Share]] = UNSET
    same: Maybe[Count] = UNSET
    texts: Maybe[List[str]] = UNSET
    shares: Maybe[List[Tuple[Optional[Share], Optional[Share]]]] = UNSET
    spans: Maybe[List[Tuple[List[Tuple[Count, Count]], List[Tuple[Count, Count]]]]] = UNSET


class _Judged(Strict):
    claim: str
    verdict: str
    ran: str
    evidence: str


class Judged(_Judged):
    """A verdict on a claim about trainings."""

    figures: Figures


class Statement(_Judged):
    """A verdict on a statement; its figures are for other programs."""

    figures: Dict[str, Any]


class ResultTable(Strict):
    """A table of an exercise."""

    title: str
    headers: Annotated[List[str], Meta(min_length=1)]
    rows: List[List[Fact]]

    def __post_init__(self) -> None:
        wrong = {len(row) for row in self.rows} - {len(self.headers)}
        refuse(sorted(wrong), f"a table of {len(self.headers)} columns has rows of")


class Walk(Strict):
    """See `gluon_gru.gates.walk.walk`."""

    name: str
    layer: Count
    tokens: Annotated[List[str], Meta(min_length=1)]
    num_tokens: Count
    num_units: Count
    units: Annotated[List[Count], Meta(min_length=1)]
    taus: List[Optional[Number]]
    update: List[List[Share]]
    mean_update: List[Share]
    reset: List[List[Share]]
    mean_reset: List[Share]

    def __post_init__(self) -> None:
        units = {len(self.units), len(self.taus), len(self.update), len(self.reset)}
        of_tokens = [*self.update, *self.reset, self.mean_update, self.mean_reset]
        tokens = {len(self.tokens), *map(len, of_tokens)}
        refuse(len(units) + len(tokens) > 2, "a walk has lists of different lengths:")


class DeviceSettings(Strict):
    """Settings of reproductions and of the exercises' trainings."""

    device: str


class ExerciseSettings(DeviceSettings):
    """Settings of exercises; version 0.1.0 did not record whether trainings were quick."""

    quick: Maybe[bool] = UNSET


class _Record(Strict, tag_field="kind"):
    invocations: Annotated[List[Invocation], Meta(min_length=1)]


class Train(_Record, tag="train"):
    """A training on a text of one's own."""

    settings: TrainSettings
    text: OwnText
    started_from: Maybe[StartedFrom] = UNSET
    rounds: List[Round] = []
    engine: str = ""
    best: Optional[Round] = None
    comparison: Maybe[Comparison] = UNSET


class Reproduce(_Record, tag="reproduce"):
    """A reproduction."""

    settings: DeviceSettings
    text: BookText
    seeds: List[Count] = []
    models: Dict[str, str] = {}
    runs: List[Measurement] = []
    verdicts: List[Judged] = []

    def __post_init__(self) -> None:
        refuse(sorted({run.model for run in self.runs} - set(self.models)), "models lacks")


class Exercises(_Record, tag="exercises"):
    """A folder of exercises: its trainings."""

    settings: ExerciseSettings
    text: TrainedText
    runs: List[Measurement] = []


class Exercise(_Record, tag="exercise"):
    """The answer to an exercise."""

    settings: ExerciseSettings
    text: BookText
    seeds: Count
    verdicts: List[Statement]
    tables: List[ResultTable]
    walks: List[Walk]
    charts: Maybe[List[Union[Curves, Bars, HeatMap]]] = UNSET
    answer: str = ""
    # Of earlier versions: finished pictures, and files of trainings.
    pictures: Maybe[Dict[PictureName, str]] = UNSET
    trainings: Maybe[List[str]] = UNSET


class Training(_Record, tag="training"):
    """A training of the exercises'."""

    settings: DeviceSettings
    text: TrainedText
    measurement: Measurement


class Sweep(_Record, tag="sweep"):
    """A hyperparameter study."""

    settings: SweepSettings
    text: BookText
    needed: Count = 0
    trials: List[Union[Complete, Pruned, Diverged, Lost]] = []
    baselines: Maybe[Baselines] = UNSET
    importance: Importance = msgspec.field(default_factory=lambda: Importance(reason="no trials"))


class Benchmark(_Record, tag="benchmark"):
    """A benchmark, of which nothing but its kind is read again: a new one replaces it."""

    settings: Dict[str, Any]
    text: Dict[str, Any]
    left_out: Dict[str, str] = {}
    contests: List[Any] = []
    seconds: Maybe[Amount] = UNSET


class OwnTexts(_Record, tag="own_texts"):
    """The comparison with PyTorch, of which likewise nothing but its kind is read again."""

    settings: Dict[str, Any]
    text: Dict[str, Any]
    texts: List[Any] = []


class SettingsOfText(_Record, tag="settings"):
    """The comparison of settings on a text, likewise."""

    settings: Dict[str, Any]
    text: Dict[str, Any]
    runs: List[Any] = []


#: What a record of any kind may hold.
RECORD = Union[
    Train, Reproduce, Exercises, Exercise, Training, Sweep, Benchmark, OwnTexts, SettingsOfText
]
