"""One module per exercise: its question, its statements, and the function that answers it."""
