"""Measure how fast models train and generate, beside other libraries and the processor's limit."""
import json

from .. import benchmark, cli


def add_arguments(parser):
    """Give the parser what this subcommand takes."""
    measures = benchmark.catalogue.MEASURES
    parser.epilog = (
        "measures:\n" + "\n".join(f"  {name:11} {what}" for name, what in measures.items())
        + "\n\nEvery contestant gets the threads that OMP_NUM_THREADS says, by default one a core."
        "\nExit codes: 0 done, 1 contestants don't compute the same, 2 bad input, 130 Ctrl-C.")
    parser.add_argument("measures", nargs="*", metavar="MEASURE",
                        default=list(benchmark.catalogue.DEFAULT),
                        help="what to measure, of those below")
    parser.add_argument("--rounds", type=int, default=15, metavar="N",
                        help="how many turns each contestant gets")
    cli.add_corpus(parser)
    parser.add_argument("--out", default="runs/benchmark", metavar="FOLDER",
                        help="where benchmark.json, report.html, report.md and the pictures go")
    cli.add_json(parser)


def run(args):
    """Measure; print the tables, or what ``benchmark.json`` holds."""
    results = benchmark.benchmark(args.out, args.measures, args.rounds, args.corpus,
                                  cli.command())
    print(json.dumps(results, indent=1) if args.json else
          f"{benchmark.report.table(results)}\n\n"
          f"every round, the report and the pictures: {args.out}/")
