"""The reproduction, the exercises and the hyperparameter study."""
