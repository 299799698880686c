"""The schemas of what a checkpoint holds beside arrays: `State`, and the parts that its users read."""

# See `checking` on the annotations.
from typing import Any, Dict, List, Optional, Tuple, Union

from msgspec import UNSET, Meta, Struct

from gluon_gru.cells import CELLS
from gluon_gru.runs.schemas.checking import (
    Annotated,
    Case,
    Count,
    EditionName,
    Maybe,
    Number,
    Share,
    Size,
    Strict,
    Tokens,
    one_of,
    refuse,
)
from gluon_gru.runs.schemas.records import Round
from gluon_gru.text.rules import FORMS


class TextFacts(Strict):
    """How the text of a model becomes tokens: see `gluon_gru.text.rules.Rules`."""

    tokens: Tokens
    case: Case
    form: Maybe[Optional[Annotated[str, one_of(FORMS)]]] = UNSET
    words: Maybe[Annotated[int, Meta(ge=1, le=2)]] = UNSET


class Config(Struct, kw_only=True):
    """The facts of any model that the package reads; a reader's own may have more."""

    model: str
    cell: Maybe[Optional[str]] = UNSET
    text: Maybe[TextFacts] = UNSET
    edition: Maybe[EditionName] = UNSET
    cell_by_name: Maybe[bool] = UNSET


class _Built(Struct, tag_field="model", kw_only=True):
    cell: Annotated[str, one_of(CELLS)]
    on_engine: bool
    vocab_size: Size
    num_hiddens: Size


class ScratchConfig(_Built, tag="RNNModelScratch"):
    """Facts of a model from scratch."""


class LayerConfig(_Built, tag="RNNModel", kw_only=True):
    """Facts of a model over a layer of Gluon's or the engine's."""

    num_layers: Size
    directions: Annotated[int, Meta(ge=1, le=2)]
    dropout: Share

    def __post_init__(self) -> None:
        # MXNet has no float32 for it.
        refuse(0 < self.dropout < 1e-30 and self.dropout, "dropout is")


#: Facts of a model that the package can build again.
BUILT = Union[ScratchConfig, LayerConfig]


class Place(Strict):
    """Where a training on a text of one's own continues, the ``history`` of its checkpoint."""

    rounds: List[Round]
    place: Count
    done: Count

    def __post_init__(self) -> None:
        # Only a training that started from another model is saved before its first round.
        odd = bool(self.rounds) != bool(self.done)
        refuse(odd and f"{self.done} steps", f"it has {len(self.rounds)} rounds, but")


class State(Strict):
    """What a checkpoint holds beside arrays."""

    config: Dict[str, Any]
    vocab: Annotated[List[str], Meta(min_length=1)]
    epoch: Optional[Count] = None
    history: Optional[Dict[str, Any]] = None
    random_state: Optional[Tuple[int, List[Count], Optional[Number]]] = None
