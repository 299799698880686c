"""The published numbers, measured again."""

#: What trains the models: MXNet's operators, or this package's engine.
ENGINES = ("mxnet", "fused")

#: ``--quick`` trains for so many epochs, which takes about a minute on two cores.
QUICK_EPOCHS = 25

#: What comes first: the slides' model from scratch, which trains in a few seconds.
FIRST = "A first number, on the engine"

#: More than any protocol was published with; comparing more takes long and tells nothing new.
MAX_SEEDS = 100
