"""What the vectors know of words."""
