"""The book's loop, and everything that a training step needs."""
