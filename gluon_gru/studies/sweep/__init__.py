"""The hyperparameter study."""
