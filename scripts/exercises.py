"""Answer the chapter's exercises by running them, and check what its readers' notes state."""
import argparse
import sys

try:
    from tabulate import tabulate

    from gluon_gru import cli
    from gluon_gru.errors import InputError
    from gluon_gru.exercises import answering, report
    from gluon_gru.exercises.catalogue import EXERCISES
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")


def main():
    """Parse the command line and answer."""
    width = max(map(len, EXERCISES))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exercises:\n" + "\n".join(
            f"  {name:{width}}  {exercise.question}" for name, exercise in EXERCISES.items())
        + "\n\nTwo of these commands at once on one FOLDER (with --resume) share the trainings.\n"
        "Exit codes: 0 done (whatever the verdicts), 1 training diverged, 2 bad input, 130 Ctrl-C.")
    parser.add_argument("names", nargs="*", metavar="EXERCISE",
                        help="which exercises, of those below (default: all)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N",
                        help="make every training with the seeds 1 to N (default: 1)")
    cli.add_inputs(parser)
    parser.add_argument("--quick", action="store_true",
                        help="cut every training short (some minutes in all)")
    parser.add_argument("--out", default="runs/exercises", metavar="FOLDER",
                        help="where the answers go (default: runs/exercises)")
    parser.add_argument("--resume", action="store_true",
                        help="go on in a FOLDER that holds answers or trainings")
    parser.add_argument("--text", help="with gates: look at the gates over this text instead; "
                        "needs no --resume")
    parser.add_argument("--checkpoint", metavar="PATH",
                        help="with gates: and of this trained GRU (default: the chapter's two)")
    args = parser.parse_args()
    command = cli.command()
    try:
        if args.text is not None or args.checkpoint:
            _look(args, command)
            return
        answers = answering.answer(
            args.out, tuple(args.names) or tuple(EXERCISES), args.seeds, args.device, args.corpus,
            args.quick, args.resume, command)
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is kept. Go on with:\n  "
              f"{cli.again('--resume')}", file=sys.stderr)
        raise
    print(report.table({name: answer for name, answer in answers.items()
                        if name in args.names or not args.names}))
    print(f"\nreport and pictures: {args.out}/report.md")


def _look(args, command):
    if args.names != ["gates"]:
        raise InputError("--text and --checkpoint are for the exercise gates alone: "
                         'exercises.py gates --text "..."')
    found = answering.look(args.out, args.text, args.checkpoint, args.device, args.corpus,
                           args.quick, command)
    for table in found.tables:
        print(f"{table.title}:\n{tabulate(table.rows, table.headers, disable_numparse=True)}\n")
    print(f"report and pictures: {args.out}/text/report.md")


cli.run(main)
