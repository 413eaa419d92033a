"""Class (or group) disclosure: all people of a group are alike, so each of them is known.

Source: Griffiths et al. (2019), Handbook on Statistical Disclosure Control for Outputs, section B
(frequency tables: "class disclosure", cells of 0 % and 100 %); Hundepool et al. (2024), section 5.2
(group attribute disclosure).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from phtlab.station.airlock.cells import Cell, CountedRow
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.work_limit import WorkLimit


def uniform_groups(
    reading: CountReading, withheld: Collection[int], steps: WorkLimit
) -> list[CountedRow]:
    """Return the rows that contain all people of a group.

    A group is given by the labels of the other dimensions. Where one of its rows is among those
    `withheld`, a reader cannot know that the others are empty. Raises TooManyStepsError.
    """
    labels = reading.labels()
    found: dict[int | None, CountedRow] = {}
    for name in reading.dimensions:
        if len(labels[name]) <= 1:
            continue
        steps.take(1 + len(reading.leaves) // 8)
        groups: dict[Cell, list[CountedRow]] = defaultdict(list)
        for leaf in reading.leaves:
            groups[frozenset(part for part in leaf.cell if part[0] != name)].append(leaf)
        for rows in groups.values():
            if any(row.row in withheld for row in rows):
                continue
            people = [row for row in rows if row.count]
            if len(people) == 1:
                found[people[0].row] = people[0]
    return list(found.values())
