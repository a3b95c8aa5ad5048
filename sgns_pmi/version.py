"""The version: of the package that is installed, from its metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sgns-pmi")
except PackageNotFoundError:  # a checkout that is only on the path
    __version__ = "0+unknown"
