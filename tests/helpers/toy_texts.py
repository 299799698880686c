"""Small texts with something to learn in them, and small settings to learn it with."""

import random

SMALL = {"num_hiddens": 16, "batch_size": 4, "num_steps": 8, "lr": 0.02, "epochs": 3}


def toy_text(num_sentences=120, seed=0):
    """Return sentences of a little grammar, some 30 characters each."""
    rng = random.Random(seed)
    parts = (
        ("The", "A", "One"),
        ("cat", "dog", "bird"),
        ("sees", "hears", "likes"),
        ("the", "a", "one"),
        ("house.", "tree.", "river.", "sun."),
    )
    return "".join(
        " ".join(rng.choice(part) for part in parts) + "\n" for _ in range(num_sentences)
    )


def write_toy(folder, *args):
    path = folder / "toy.txt"
    path.write_text(toy_text(*args), encoding="utf-8")
    return path
