"""Measure the training loop beside the book's own, on both models of the chapter."""
import argparse
import sys

try:
    from gluon_gru import benchmark, cli, environment
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")


def main():
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, metavar="N",
                        help="how many pairs of epochs to count")
    cli.add_inputs(parser)
    parser.add_argument("--out", default="runs/benchmark", metavar="FOLDER",
                        help="where benchmark.json and benchmark.png go")
    args = parser.parse_args()
    results = benchmark.benchmark(args.out, args.rounds, args.device, args.corpus,
                                  environment.command())
    print(benchmark.table(results))
    print(f"\nevery epoch and the picture: {args.out}/")


cli.run(main)
