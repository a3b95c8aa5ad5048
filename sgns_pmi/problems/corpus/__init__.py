"""From text to co-occurrence counts: files, tokens, vocabulary, windows; the engine behind ``data=text``."""
