"""The schemas of charts: see `gluon_gru.report.document`, whose attributes they have."""

# See `checking` on the annotations.
from typing import Dict, List, Optional, Tuple

from msgspec import Meta

from gluon_gru.runs.schemas.checking import Amount, Annotated, Number, Strict, one_of, refuse

#: The name of a picture, which is in the folder of its report.
PictureName = Annotated[
    str, Meta(pattern=r"\A(?:[A-Za-z0-9_-]{1,100}/)?[A-Za-z0-9_-]{1,100}\.png\Z")
]

_SOME = Meta(min_length=1)


class Curve(Strict):
    """A line."""

    label: str
    runs: Annotated[List[Annotated[List[Number], _SOME]], _SOME]
    model: str = ""
    x: Optional[List[Number]] = None
    joined: bool = True
    dashed: bool = False

    def __post_init__(self) -> None:
        longest = max(map(len, self.runs))
        refuse(self.x is not None and len(self.x) != longest and longest, "x has not as many as")


class Point(Strict):
    """A point with a label."""

    x: Number
    y: Number
    label: str
    note: str = ""
    across: bool = True


class Curves(Strict, tag_field="kind", tag="Curves"):
    """Curves in one pair of axes."""

    title: str
    file: PictureName
    curves: Annotated[List[Curve], _SOME]
    points: List[Point] = []
    xlabel: str = "epoch"
    ylabel: str = "perplexity"
    xscale: Annotated[str, one_of(("linear", "log", "near"))] = "linear"
    yscale: Annotated[str, one_of(("linear", "log"))] = "log"

    def __post_init__(self) -> None:
        xs = [x for curve in self.curves for x in curve.x or ()] + [one.x for one in self.points]
        ys = [y for curve in self.curves for run in curve.runs for y in run]
        ys += [one.y for one in self.points]
        for scale, values in ((self.xscale, xs), (self.yscale, ys)):
            low = min(values, default=1)
            refuse(scale == "log" and low <= 0 and f"{low!r}", "a logarithmic axis has")
            refuse(scale == "near" and low < 0 and f"{low!r}", "an axis of distances has")


class Bar(Strict):
    """A bar."""

    label: str
    note: str
    value: Amount
    span: Optional[Tuple[Amount, Amount]] = None
    model: str = ""
    fill: Annotated[str, one_of(("full", "striped", "hollow"))] = "full"


class Bars(Strict, tag_field="kind", tag="Bars"):
    """Bars, one below the other."""

    title: str
    file: PictureName
    bars: Annotated[List[Bar], _SOME]
    form: Annotated[str, one_of(("{:,.0f}", "{:.2f}"))] = "{:,.0f}"
    limit: Optional[Amount] = None
    limit_label: str = ""
    note: str = ""
    key: Dict[Annotated[str, one_of(("full", "striped", "hollow"))], str] = {}


class HeatMap(Strict, tag_field="kind", tag="HeatMap"):
    """Values as colours."""

    title: str
    file: PictureName
    rows: Annotated[List[str], _SOME]
    columns: Annotated[List[str], _SOME]
    grids: Annotated[Dict[str, List[List[Tuple[Optional[Amount], str]]]], _SOME]
    xlabel: str = ""
    ylabel: str = ""
    legend: str = ""
    across: Annotated[int, Meta(ge=0, le=10)] = 0
    scale: Annotated[str, one_of(("log", "share"))] = "log"

    def __post_init__(self) -> None:
        every = [row for grid in self.grids.values() for row in grid]
        wrong = {len(grid) for grid in self.grids.values()} - {len(self.rows)}
        refuse(sorted(wrong), f"a heat map of {len(self.rows)} rows has grids of")
        wrong = set(map(len, every)) - {len(self.columns)}
        refuse(sorted(wrong), f"a heat map of {len(self.columns)} columns has rows of")
        values = [value for row in every for value, _ in row if value is not None]
        low, high = (0.0, 1.0) if self.scale == "share" else (1e-9, 1e9)
        beyond = [value for value in values if not low <= value <= high]
        refuse(beyond, "a heat map's scale hasn't")
