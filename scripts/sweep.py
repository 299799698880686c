"""Study the GRU's hyperparameters, alone or with any number of workers on any machines."""
import argparse
import dataclasses
import signal
import sys

try:
    from gluon_gru import cli, sweep, sweep_report
    from gluon_gru.sweep_study import without_password
    from gluon_gru.windows import FULL, REDUCED
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")


def main():
    """Parse the command line and run the study, or say what it would cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        epilog="The same command again goes on with the study. Exit codes: 0 done, 2 bad input or "
               "no worker left, 130 Ctrl-C.")
    parser.add_argument("--grid", choices=["reduced", "full"], default="reduced",
                        help="the values to try; the options of the next three lines change them")
    parser.add_argument("--num-steps", nargs="+", type=int, metavar="N", help="tokens in a window")
    parser.add_argument("--num-hiddens", nargs="+", type=int, metavar="N", help="hidden units")
    parser.add_argument("--lr", nargs="+", type=float, metavar="X", help="learning rates")
    parser.add_argument("--epochs", type=int, metavar="N", help="of each trial; by default 100")
    parser.add_argument("--sampler", choices=sweep.SAMPLERS, default="grid",
                        help="how points are chosen from the values")
    parser.add_argument("--trials", type=int, metavar="N",
                        help="how many trials in all, for the samplers random and tpe")
    parser.add_argument("--prune", action="store_true",
                        help="end trials that are worse than the median of the others")
    parser.add_argument("--workers", type=int, default=1, metavar="N",
                        help="how many processes to start on this machine")
    parser.add_argument("--storage", metavar="URL",
                        help="a database for workers on several machines, as Optuna takes it, like "
                             "postgresql://user:password@host/name; by default FOLDER/study.db")
    parser.add_argument("--budget", action="store_true",
                        help="measure what the study will cost here, and end")
    cli.add_inputs(parser)
    parser.add_argument("--out", default="runs/sweep", metavar="FOLDER",
                        help="where the study, sweep.json, report.md and the pictures go")
    args = parser.parse_args()
    # A closed terminal or a time limit ends the workers too, as Ctrl-C does.
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, signal.default_int_handler)
    if args.storage:
        # Whatever is written or printed from here on can't tell the password.
        shown = without_password(args.storage)
        sys.argv = [word.replace(args.storage, shown) for word in sys.argv]
    given = {name: tuple(value) if isinstance(value, list) else value
             for name, value in vars(args).items()
             if name in ("num_steps", "num_hiddens", "lr", "epochs") and value is not None}
    space = dataclasses.replace(FULL if args.grid == "full" else REDUCED, **given)
    if args.budget:
        print(sweep_report.budget_table(sweep.budget(
            space, args.sampler, args.trials, args.workers, args.device, args.corpus)))
        return
    try:
        results = sweep.sweep(args.out, space, args.sampler, args.trials, args.prune, args.workers,
                              args.storage, args.device, args.corpus, cli.command())
    except KeyboardInterrupt:
        hidden = " (with the storage's whole URL)" if args.storage else ""
        print(f"\ninterrupted; finished trials are kept. Go on{hidden} with:\n  "
              f"{cli.again()}", file=sys.stderr)
        raise
    print(sweep_report.table(results))
    print(f"\nreport and pictures: {args.out}/report.md")


cli.run(main)
