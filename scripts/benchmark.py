"""Measure how fast models train and generate, beside other libraries and the processor's limit."""
import argparse
import sys

try:
    from gluon_gru import benchmark, cli
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")


def main():
    """Parse the command line and measure."""
    measures = benchmark.catalogue.MEASURES
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="measures:\n" + "\n".join(f"  {name:11} {what}" for name, what in measures.items())
        + "\n\nEvery contestant gets the threads that OMP_NUM_THREADS says, by default one a core.")
    parser.add_argument("measures", nargs="*", metavar="MEASURE",
                        default=list(benchmark.catalogue.DEFAULT),
                        help=f"what to measure (default: {' '.join(benchmark.catalogue.DEFAULT)})")
    parser.add_argument("--rounds", type=int, default=15, metavar="N",
                        help="how many turns each contestant gets (default: 15)")
    cli.add_corpus(parser)
    parser.add_argument("--out", default="runs/benchmark", metavar="FOLDER",
                        help="where benchmark.json, report.md and the pictures go (default: "
                             "runs/benchmark)")
    args = parser.parse_args()
    results = benchmark.benchmark(args.out, args.measures, args.rounds, args.corpus,
                                  cli.command())
    print(benchmark.report.table(results))
    print(f"\nevery round, the report and the pictures: {args.out}/")


cli.run(main)
