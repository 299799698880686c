"""The published numbers, measured again."""

#: What trains the models: MXNet's operators, or this package's engine.
ENGINES = ("mxnet", "fused")

#: ``--quick`` trains for so many epochs, which takes about a minute on two cores.
QUICK_EPOCHS = 25
