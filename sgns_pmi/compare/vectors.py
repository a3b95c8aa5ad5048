"""The name that `compare.words.vectors` had before: scripts outside the project import it."""

from sgns_pmi.compare.words.vectors import *  # noqa: F403
