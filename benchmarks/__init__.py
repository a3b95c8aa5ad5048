"""Speed and memory, against peers and the floor: ``python -m benchmarks``."""
