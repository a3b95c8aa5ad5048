"""Tasks whose truth is known, every method on each of them, and the table: ``python -m sgns_pmi.suite``."""
