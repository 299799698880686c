"""What a run leaves behind: its checkpoint, its record, and a model restored from them."""
