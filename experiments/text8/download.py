"""Download text8, the first hundred million characters of a cleaned Wikipedia: python experiments/text8/download.py."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sgns_pmi.errors import InputError, missing_extra

URL = "http://mattmahoney.net/dc/text8.zip"
MD5 = "3bea1919949baf155f99411df5fada7e"
"""Of the text itself, unpacked."""
TARGET = Path("outputs/data/text8")


def download(target: Path = TARGET, url: str = URL, md5: str = MD5) -> Path:
    """Download and unpack text8, unless it is there already, and check its sum.

    Parameters
    ----------
    target : Path
        Where the text shall be; it appears there whole and checked, or not at all.
    url : str
        Of a zip archive that holds a file `text8`.
    md5 : str
        What the text's MD5 sum must be.

    Raises
    ------
    InputError
        For a text with another sum, or where pooch is not installed (extra ``download``).
    """
    try:
        import pooch
    except ImportError:
        raise missing_extra("pooch", "download", "to download text8") from None
    if target.is_file() and pooch.file_hash(str(target), alg="md5") == md5:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same file system, so that moving the text into its place is atomic.
    with TemporaryDirectory(dir=target.parent, prefix=".text8-") as folder:
        # No sum of the archive is published that could be checked: that of the text is.
        (text,) = pooch.retrieve(
            url, known_hash=None, fname="text8.zip", path=folder, processor=pooch.Unzip(members=["text8"]), progressbar=True
        )
        found = pooch.file_hash(text, alg="md5")
        if found != md5:
            raise InputError("md5", found, f"of the text from {url} must be {md5}; download it again")
        Path(text).replace(target)
    return target


if __name__ == "__main__":
    try:
        print(download(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
    except (InputError, OSError) as error:
        sys.exit(str(error))
