"""What the sources report, as data, and how each of it is judged."""
