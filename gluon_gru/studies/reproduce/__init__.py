"""The published numbers, measured again."""
