"""From text to co-occurrence counts: files, tokens, vocabulary, windows; the engine behind ``data=text``.

Nothing is imported here, so that Numba is loaded only where text is counted.
"""
