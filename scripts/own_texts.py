"""Train on texts of one's own with this package and with PyTorch, and compare."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

try:
    from benchmarks import own_texts
    from gluon_gru.cli import options as cli
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")


def main():
    """Parse the command line and compare."""
    parser = cli.Parser(
        description=__doc__, epilog="PyTorch has to be there: pip install -e '.[peers]'"
    )
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="text files, UTF-8")
    parser.add_argument(
        "--epochs", type=float, metavar="N", help="instead of those that a text's size gives"
    )
    parser.add_argument(
        "--out",
        default="runs/own-texts",
        metavar="FOLDER",
        help="where own_texts.json and report.md go",
    )
    args = parser.parse_args()
    settings = {} if args.epochs is None else {"epochs": args.epochs}
    print(own_texts.markdown(own_texts.compare(args.texts, args.out, cli.command(), **settings)))


cli.run(main)
