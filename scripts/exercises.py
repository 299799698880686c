"""Answer the chapter's exercises by running them."""
import pathlib
import sys

from gluon_gru import cli, corpus, environment
from gluon_gru.checkpoint import make_folder
from gluon_gru.device import context
from gluon_gru.exercises import trainings
from gluon_gru.text import load_corpus


def main():
    """Train."""
    out = pathlib.Path(sys.argv[1])
    for folder in ("runs", "checkpoints"):
        make_folder(out / folder)
    found = corpus.find(None)
    runs = trainings.Trainings(
        out, int(sys.argv[2]), context("auto"), load_corpus(found), found.sha1, False,
        environment.command(), lambda line: print(line, file=sys.stderr, flush=True))
    names = sys.argv[3:] or [*trainings.CELLS, *trainings.PARTS,
                             *(f"{model}-random" for model in trainings.SAMPLING)]
    runs.get(names)


cli.run(main)
