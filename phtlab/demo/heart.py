"""The four hospitals of the UCI Heart Disease data, each with its own patients.

Janosi et al. (1989), DOI 10.24432/C52P4X, CC BY 4.0; see notebooks/data/README.md.
`python -m phtlab.demo.heart cleveland cleveland.csv` writes one hospital's patients.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from phtlab.share import share

HOSPITALS = {
    "cleveland": "Cleveland",
    "hungary": "Hungary",
    "switzerland": "Switzerland",
    "va-long-beach": "VA Long Beach",
}
DROPPED = ("id", "dataset")
SOURCE = "notebooks/data/heart_disease_uci.csv"


def write_patients(source: Path, station: str, target: Path) -> int:
    """Write the rows of `station` from the UCI file to `target`; return their number.

    The columns for patient number and hospital are left out: the file is the hospital's own.
    """
    with source.open(newline="") as rows, target.open("w", newline="") as out:
        reader = csv.DictReader(rows)
        columns = [name for name in reader.fieldnames or () if name not in DROPPED]
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        count = 0
        for row in reader:
            if row["dataset"] == HOSPITALS[station]:
                writer.writerow(row)
                count += 1
    return count


def main() -> None:
    """Write the patients of the hospital named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m phtlab.demo.heart", description="Write one hospital's patients as CSV."
    )
    parser.add_argument("hospital", choices=HOSPITALS)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    count = write_patients(share(SOURCE), arguments.hospital, arguments.target)
    sys.stdout.write(f"{arguments.target}: {count} patients\n")


if __name__ == "__main__":
    main()
