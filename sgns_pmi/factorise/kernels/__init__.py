"""Loops compiled by Numba. Nothing is imported here, so that Numba is loaded only where they are used."""
