"""Download a text that studies are about, and check its sum: python experiments/download.py text8|hamlet [FILE]."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sgns_pmi.errors import InputError, check_choice, missing_extra


@dataclass(frozen=True)
class Text:
    """Where a text is to be had.

    Parameters
    ----------
    url : str
        Of a zip archive.
    member : str
        The text's name in the archive.
    md5 : str
        The MD5 sum of the text itself, unpacked: of the archives no sums are published.
    target : Path
        Where it goes by default.
    """

    url: str
    member: str
    md5: str
    target: Path


TEXTS = {
    # The first hundred million characters of a cleaned Wikipedia.
    "text8": Text("http://mattmahoney.net/dc/text8.zip", "text8", "3bea1919949baf155f99411df5fada7e", Path("outputs/data/text8")),
    # The First Folio's play, of Project Gutenberg, as NLTK ships it.
    "hamlet": Text(
        "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/gutenberg.zip",
        "gutenberg/shakespeare-hamlet.txt",
        "73207c9daaf0fed7b209783922f55568",
        Path("outputs/data/hamlet.txt"),
    ),
}


def download(text: Text, target: Path) -> Path:
    """Download and unpack a text, unless it is there already; it appears at `target` whole and checked, or not at all.

    Raises
    ------
    InputError
        For a text with another sum, or where pooch is not installed (extra ``download``).
    """
    try:
        import pooch
    except ImportError:
        raise missing_extra("pooch", "download", "to download texts") from None
    if target.is_file() and pooch.file_hash(str(target), alg="md5") == text.md5:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same file system, so that moving the text into its place is atomic.
    with TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        unzip = pooch.Unzip(members=[text.member])
        (file,) = pooch.retrieve(text.url, known_hash=None, fname="text.zip", path=folder, processor=unzip, progressbar=True)
        found = pooch.file_hash(file, alg="md5")
        if found != text.md5:
            raise InputError("md5", found, f"of the text from {text.url} must be {text.md5}; download it again")
        Path(file).replace(target)
    return target


def main(name: str = "", target: str = "") -> None:
    """The command."""
    text = TEXTS[check_choice("text", name, TEXTS)]
    print(download(text, Path(target) if target else text.target))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except (InputError, OSError) as error:
        sys.exit(str(error))
