"""Models of texts of one's own."""
