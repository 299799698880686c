"""The notes on the two ways to cut a text: random sampling against sequential partitioning."""
import statistics

from ..report import spread
from . import plots
from .answers import Answer, Finding
from .comparing import figures, final, side_by_side
from .timing import in_turns
from .trainings import SAMPLING, title


def answer(setting):
    """Return the `Answer`; trains the models both ways with every seed."""
    names = [name for model in SAMPLING for name in (model, f"{model}-random")]
    runs = setting.trainings.get(names)
    speeds = in_turns(names, setting)
    return Answer([_perplexity(setting, runs), _cost(setting, runs, speeds)],
                  side_by_side(runs, speeds),
                  {"sampling.png": ("Perplexity by epoch, both ways to cut the text",
                                    plots.perplexity({title(name): trainings
                                                      for name, trainings in runs.items()}))})


def _perplexity(setting, runs):
    rises = [statistics.median(final(runs[f"{model}-random"]))
             > statistics.median(final(runs[model])) for model in SAMPLING]
    found = "; ".join(
        f"{title(model)}: {spread(final(runs[model]), '{:.3f}'.format)} sequentially, "
        f"{spread(final(runs[f'{model}-random']), '{:.3f}'.format)} at random"
        for model in SAMPLING)
    return Finding(
        "sampling/perplexity", "The chapter's protocol with both; perplexity at the end. With "
        "random sampling the state starts at zero in every minibatch.", f"{found}.",
        setting.verdict(all(rises), "depends" if any(rises) else "does not hold"),
        {name: final(trainings) for name, trainings in runs.items()})


def _cost(setting, runs, speeds):
    ratios = [speeds[f"{model}-random"].epoch / speeds[model].epoch for model in SAMPLING]
    found = ", ".join(f"{ratio:.2f} ({title(model)})" for model, ratio in zip(SAMPLING, ratios))
    return Finding(
        "sampling/cost", "Epochs of both in turns; it costs more if an epoch takes 3% longer.",
        f"An epoch with random sampling takes this many times as long: {found}.",
        setting.verdict(all(ratio > 1.03 for ratio in ratios),
                        "depends" if any(ratio > 1.03 for ratio in ratios) else "does not hold"),
        figures(runs, speeds))
