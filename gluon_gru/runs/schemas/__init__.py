"""What every file of ours may hold: `checking` holds data against the schemas of the others."""
