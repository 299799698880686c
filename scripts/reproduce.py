"""Re-run every number that the GRU chapter and its slides report, and judge each."""
import argparse
import sys

try:
    from gluon_gru import cli, experiments, report
    from gluon_gru.claims import GROUPS
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")


def main():
    """Parse the command line and reproduce."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        epilog="Exit codes: 0 done (whatever the verdicts), 1 training diverged, 2 bad input, "
               "130 Ctrl-C.")
    parser.add_argument("--claims", nargs="+", default=GROUPS, metavar="CLAIM",
                        help=f"which claims, of: {', '.join(GROUPS)}")
    parser.add_argument("--seeds", type=int, default=1, metavar="N",
                        help="make every run with the seeds 1 to N")
    parser.add_argument("--engine", nargs="+", default=["mxnet"], choices=experiments.ENGINES,
                        help="what trains: MXNet's operators, as in the book, or (fused, about ten "
                             "times as fast) this package's engine, in rows of its own; or both")
    cli.add_inputs(parser)
    parser.add_argument("--quick", action="store_true",
                        help=f"train for {experiments.QUICK_EPOCHS} epochs only (a minute)")
    parser.add_argument("--out", default="runs/reproduce", metavar="FOLDER",
                        help="where results.json, report.md and the pictures go")
    parser.add_argument("--resume", action="store_true",
                        help="go on with the run that FOLDER holds")
    args = parser.parse_args()
    command = cli.command()
    try:
        results = experiments.reproduce(args.out, args.claims, args.seeds, args.device,
                                        args.corpus, args.quick, args.resume, command,
                                        args.engine)
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is kept. Go on with:\n  "
              f"{cli.again('--resume')}", file=sys.stderr)
        raise
    print(report.table(results))
    print(f"\nreport and pictures: {args.out}/report.md")


cli.run(main)
