"""What may leave of an error in a run."""
