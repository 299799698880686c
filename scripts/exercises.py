"""Answer the chapter's exercises by running them, and check what its readers' notes state."""
import argparse
import shlex
import sys

try:
    from gluon_gru import cli, environment
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
        + "\n\nTwo of these commands at once on one FOLDER (with --resume) share the work.\n"
        "Exit codes: 0 done (whatever the verdicts), 1 training diverged, 2 bad input, 130 Ctrl-C.")
    parser.add_argument("names", nargs="*", metavar="EXERCISE",
                        help="which exercises, of those below (default: all)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N",
                        help="make every training with the seeds 1 to N (default: 1)")
    parser.add_argument("--device", default="auto",
                        help="cpu, gpu(0), or auto: a GPU if any (default: auto)")
    parser.add_argument("--corpus", metavar="PATH", help="a text file; see reproduce.py --help")
    parser.add_argument("--quick", action="store_true",
                        help="cut every training short (some minutes in all)")
    parser.add_argument("--out", default="runs/exercises", metavar="FOLDER",
                        help="where the answers go (default: runs/exercises)")
    parser.add_argument("--resume", action="store_true",
                        help="go on in a FOLDER that holds answers or trainings")
    parser.add_argument("--text", help="for gates: the text whose characters are looked at")
    parser.add_argument("--checkpoint", metavar="PATH",
                        help="for gates: a trained GRU (default: trains the chapter's)")
    args = parser.parse_args()
    command = environment.command()
    try:
        answers = answering.answer(
            args.out, tuple(args.names) or tuple(EXERCISES), args.seeds, args.device, args.corpus,
            args.quick, args.resume, args.text, args.checkpoint, command)
    except KeyboardInterrupt:
        words = [sys.executable, *sys.argv, *([] if args.resume else ["--resume"])]
        print(f"\ninterrupted; what was measured is kept. Go on with:\n  {shlex.join(words)}",
              file=sys.stderr)
        raise
    print(report.table({name: answer for name, answer in answers.items()
                        if name in args.names or not args.names}))
    print(f"\nreport and pictures: {args.out}/report.md")


cli.run(main)
