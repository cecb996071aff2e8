"""Reads FER2013's CSV for the scripts in this folder."""

import csv
import gzip
import sys


def training_rows(path):
    """The rows of Training, or all rows if there is no column Usage, with the names of the columns in lower case.

    Ends the program if the file cannot be read.
    """
    # Pixels of large pictures are longer than the default.
    csv.field_size_limit(1 << 24)
    try:
        with open(path, "rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        with (gzip.open if is_gzip else open)(path, "rt", newline="") as file:
            for row in csv.DictReader(file):
                named = {name.strip().lower(): value or "" for name, value in row.items() if name}
                if "pixels" in named and named.get("usage", "Training").strip() == "Training":
                    yield named
    except (csv.Error, EOFError, OSError, ValueError) as error:
        sys.exit(f"{path} cannot be read as FER2013: {error}")
