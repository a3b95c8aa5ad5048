"""The name that `compare.words.analogies` had before: scripts outside the project import it."""

from sgns_pmi.compare.words.analogies import *  # noqa: F403
