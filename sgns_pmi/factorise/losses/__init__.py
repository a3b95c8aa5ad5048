"""What is minimised: sums of losses of cells."""
