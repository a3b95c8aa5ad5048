"""The name that `compare.words.similarity` had before: scripts outside the project import it."""

from sgns_pmi.compare.words.similarity import *  # noqa: F403
