"""Claims whose runs take a second: the real ones' shape, with small models and few epochs.

Run as a program, it is ``scripts/reproduce.py`` with these claims in place of the real ones; or,
with ``gluon-gru`` as its second word, that command.
"""

import dataclasses
import pathlib
import runpy
import signal
import sys

REPOSITORY = pathlib.Path(__file__).parents[2]


def claims(epochs=6):
    """Return the real claims, cut down: ``epochs`` instead of 500, half of that for the slides."""
    from gluon_gru.published.claims import CLAIMS

    def cut(protocol):
        return protocol and dataclasses.replace(
            protocol,
            num_epochs=epochs if protocol.num_epochs == 500 else epochs // 2,
            max_tokens=200,
            num_hiddens=8,
            batch_size=4,
            num_steps=5,
            after=cut(protocol.after),
        )

    return tuple(
        dataclasses.replace(claim, protocol=cut(claim.protocol), baseline=cut(claim.baseline))
        for claim in CLAIMS
    )


if __name__ == "__main__":
    from gluon_gru import cli as commands
    from gluon_gru.runs import checkpoint
    from gluon_gru.studies.reproduce import study as experiments

    # A shell's background job has it switched off.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    experiments.CLAIMS = claims(int(sys.argv.pop(1)))
    checkpoint._SAVE_SECONDS = 0
    if sys.argv[1] == "gluon-gru":
        del sys.argv[0]
        commands.main()
        sys.exit()
    sys.argv[0] = str(REPOSITORY / "scripts" / "reproduce.py")
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    runpy.run_path(sys.argv[0], run_name="__main__")
