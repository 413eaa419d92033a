"""Cases of the disclosure literature, rule by rule: what leaves of each, and where it is from.

`test_cases.py` takes each through the airlock, and `tests.docs.generate` writes the table of
docs/airlock.md from them. Where a source has smaller counts than any station lets leave, the case
has them tenfold; it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SOURCES: Final[Mapping[str, str]] = {
    "HB": "Hundepool, Domingo-Ferrer, Franconi, Giessing, Lenz, Naylor, Schulte Nordholt, Seri, De "
    "Wolf, Tent, Młodak, Gussenbauer, Wilak (2024), *Handbook on Statistical Disclosure Control*, "
    "2nd edition, <https://sdctools.github.io/HandbookSDC/>; as a book: Hundepool et al. (2012), "
    "*Statistical Disclosure Control*, Wiley",
    "SDAP": "Griffiths, Greci, Kotrotsios, Parker, Scott, Welpton, Wolters, Woods (2019), "
    "*Handbook on Statistical Disclosure Control for Outputs*, version 1.0, Safe Data Access "
    "Professionals, <https://securedatagroup.org/sdc-handbook/>",
    "ACRO": "Smith, Preen, Albashir, Ritchie, Green, Davy, Stokes, Bacon, *SACRO: semi-automated "
    "checking of research outputs* and the package `acro`, whose defaults (10 persons, n 2, k "
    "90 %, p 10 %) are ours, <https://github.com/AI-SDC/ACRO>",
    "FS": "Fischetti, Salazar-González (2001), *Solving the cell suppression problem on tabular "
    "data with linear constraints*, Management Science 47(7)",
    "ML": "Ritchie, Tilbrook, Cole, Jefferson, Krueger, Mansouri-Bensassi, Rogers, Smith (2023), "
    "*Machine learning models in trusted research environments*, International Journal of "
    "Population Data Science, <https://ijpds.org/article/view/2165>; Shokri, Stronati, Song, "
    "Shmatikov (2017), *Membership inference attacks against machine learning models*, IEEE S&P",
    "OWASP": "OWASP, *CSV injection*, <https://owasp.org/www-community/attacks/CSV_Injection>",
    "PICKLE": "Python documentation, *pickle*, warning: it is not secure, "
    "<https://docs.python.org/3/library/pickle.html>",
}


@dataclass(frozen=True)
class Published:
    """An output as a train publishes it. `columns` are a table's: name, type, values."""

    columns: Mapping[str, tuple[str, list[Any]]] = field(default_factory=dict)
    kind: str = "table"
    counts: str | None = "n"
    by: tuple[str, ...] = ()
    total: str | None = None
    largest: tuple[str, ...] = ()
    value: Any = None
    content: bytes = b""
    of: int | None = None
    statistic: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`outputs` are those of the stop; `before` those of earlier stops of the same data set.

    `leaves` says for each output its verdict, the rule, and how many rows stayed; `caught`
    whether the case's own rule is among what is found.
    """

    rule: str
    title: str
    source: str
    place: str
    outputs: Mapping[str, Published]
    leaves: Mapping[str, tuple[str, str, int]]
    why: str
    before: tuple[Mapping[str, Published], ...] = ()
    caught: bool = True


def crossed(
    first: str, second: str, counts: Mapping[str, Mapping[str, int]], **more: Any
) -> Published:
    """A table of two dimensions: rows of `counts` are labels of the first."""
    rows = [(a, b, n) for a, line in counts.items() for b, n in line.items()]
    return Published(
        {
            first: ("string", [a for a, _, _ in rows]),
            second: ("string", [b for _, b, _ in rows]),
            "n": ("integer", [n for _, _, n in rows]),
        },
        **more,
    )


def counted(name: str, counts: Mapping[str, int], **more: Any) -> Published:
    """A table of one dimension."""
    return Published(
        {name: ("string", list(counts)), "n": ("integer", list(counts.values()))}, **more
    )


def sums(total: float, *largest: float, n: int = 50) -> Published:
    """A table of one row: a sum, and the largest contributions to it."""
    names = tuple(f"top{i}" for i in range(1, len(largest) + 1))
    columns: dict[str, tuple[str, list[Any]]] = {
        "region": ("string", ["X"]),
        "n": ("integer", [n]),
        "turnover": ("number", [total]),
    }
    columns |= {name: ("number", [part]) for name, part in zip(names, largest, strict=True)}
    return Published(columns, total="turnover", largest=names)


MARITAL: Final = {
    "Married": {"Male": 38, "Female": 17, "Total": 55},
    "Divorced": {"Male": 7, "Female": 4, "Total": 11},
    "Single": {"Male": 3, "Female": 1, "Total": 4},
    "Total": {"Male": 48, "Female": 22, "Total": 70},
}
HOUSEHOLDS_2001: Final = {
    "More than 30": {"Male": 50, "Female": 54},
    "16-30": {"Male": 128, "Female": 140},
    "15 or less": {"Male": 39, "Female": 49},
}
HOUSEHOLDS_1991: Final = {
    "More than 30": {"Male": 52, "Female": 55},
    "16-30": {"Male": 130, "Female": 140},
    "15 or less": {"Male": 39, "Female": 49},
}
_FREE: Final = ("released", "", 0)

CASES: Final[tuple[Case, ...]] = (
    Case(
        "small-count",
        "A single woman is the only one",
        "HB",
        "section 5.2, table 'Marital status by sex', without its totals",
        {
            "t": crossed(
                "status",
                "sex",
                {
                    status: {sex: n for sex, n in line.items() if sex != "Total"}
                    for status, line in MARITAL.items()
                    if status != "Total"
                },
            )
        },
        {"t": ("suppressed", "small-count", 4)},
        "four cells of fewer than ten",
    ),
    Case(
        "small-count",
        "A count of ten",
        "ACRO",
        "default `safe_threshold: 10`",
        {"t": counted("sex", {"female": 10, "male": 12})},
        {"t": _FREE},
        "as many as the minimum are enough",
        caught=False,
    ),
    Case(
        "small-count",
        "An empty cell",
        "HB",
        "section 5.2, group attribute disclosure: zeros need ambiguity",
        {"t": counted("sex", {"female": 0, "male": 12})},
        {"t": ("suppressed", "small-count", 1)},
        "that nobody is in a cell is a fact about everybody",
    ),
    Case(
        "small-count",
        "A scalar that counts seven",
        "SDAP",
        "section B, frequencies: the threshold rule",
        {"s": Published(kind="scalar", value=7)},
        {"s": ("refused", "small-count", 0)},
        "a scalar has no other rows",
    ),
    Case(
        "small-count",
        "A bar of seven",
        "SDAP",
        "section B, graphs: as the table that they show",
        {"f": counted("y", {"a": 7, "b": 20}, kind="figure")},
        {"f": ("refused", "small-count", 0)},
        "a bar cannot be removed from a picture",
    ),
    Case(
        "complementary",
        "The same table with its totals",
        "HB",
        "section 5.2, table 'Marital status by sex'; section 4.2, secondary suppression",
        {"t": crossed("status", "sex", MARITAL)},
        {"t": ("suppressed", "small-count", 8)},
        "otherwise the totals disclose each small cell",
    ),
    Case(
        "complementary",
        "One of two, and their total",
        "HB",
        "section 4.2, secondary suppression",
        {"t": counted("sex", {"female": 4, "male": 20, "Total": 24})},
        {"t": ("suppressed", "small-count", 2)},
        "24 - 20 is 4",
    ),
    Case(
        "complementary",
        "A total of another name",
        "HB",
        "section 4.2, secondary suppression",
        {"t": counted("sex", {"w": 4, "m": 20, "Ergebnis": 24})},
        {"t": ("suppressed", "small-count", 2)},
        "a label that is always the sum of the others is a total",
    ),
    Case(
        "complementary",
        "Two withheld cells of seven people together",
        "HB",
        "section 4.2, example 3 (Geurts 1992): bounds of withheld cells",
        {"t": counted("stage", {"I": 3, "II": 4, "III": 30, "IV": 40, "Total": 77})},
        {"t": ("suppressed", "small-count", 3)},
        "no count is below zero, so each of the two would be seven at most",
    ),
    Case(
        "complementary",
        "A square of four that protect each other",
        "FS",
        "section 1: a valid suppression pattern",
        {
            "t": crossed(
                "activity",
                "region",
                {
                    "I": {"A": 20, "B": 50, "C": 10, "Total": 80},
                    "II": {"A": 8, "B": 19, "C": 22, "Total": 49},
                    "III": {"A": 17, "B": 32, "C": 12, "Total": 61},
                    "Total": {"A": 45, "B": 101, "C": 44, "Total": 190},
                },
            )
        },
        {"t": ("suppressed", "small-count", 4)},
        "in each row and column with a withheld cell another one stays",
    ),
    Case(
        "complementary",
        "A table without totals",
        "HB",
        "section 4.2, secondary suppression",
        {"t": crossed("sex", "ill", {"f": {"yes": 4, "no": 30}, "m": {"yes": 20, "no": 40}})},
        {"t": ("suppressed", "small-count", 1)},
        "without a sum no cell can be computed",
        caught=False,
    ),
    Case(
        "complementary",
        "Two tables with one sum in common",
        "HB",
        "section 5.2: it is not enough to protect each of several linked tables by itself",
        {
            "by_sex": counted("sex", {"female": 4, "male": 20}),
            "by_age": counted("age", {"old": 11, "young": 13}),
        },
        {"by_sex": ("suppressed", "small-count", 1), "by_age": ("suppressed", "complementary", 1)},
        "11 + 13 - 20 is 4",
    ),
    Case(
        "complementary",
        "A table of several measures of the same people",
        "HB",
        "section 5.2, disclosure by linking",
        {
            "moments": crossed(
                "variable", "ill", {"age": {"no": 51, "yes": 149}, "chol": {"no": 38, "yes": 106}}
            ),
            "by_sex": crossed("ill", "sex", {"no": {"f": 3, "m": 48}, "yes": {"f": 12, "m": 137}}),
        },
        {"moments": _FREE, "by_sex": ("suppressed", "small-count", 2)},
        "age is known of everyone: 51 - 48 is 3",
    ),
    Case(
        "complementary",
        "The total is asked for later",
        "HB",
        "section 5.2, disclosure by linking",
        {"everyone": Published(kind="scalar", value=24)},
        {"everyone": ("refused", "complementary", 0)},
        "by_sex left without the four before: 24 - 20 is 4",
        before=({"by_sex": counted("sex", {"female": 4, "male": 20})},),
    ),
    Case(
        "complementary",
        "The same table once more",
        "HB",
        "section 6.6: a result is released once",
        {"by_sex": counted("sex", {"female": 40, "male": 20})},
        {"by_sex": _FREE},
        "it discloses nothing new",
        caught=False,
        before=({"by_sex": counted("sex", {"female": 40, "male": 20})},),
    ),
    Case(
        "complementary",
        "Towns lie in countries",
        "HB",
        "section 4.2, hierarchical tables",
        {
            "t": crossed(
                "country",
                "town",
                {
                    "NO": {"Oslo": 40, "Bergen": 20, "Total": 60},
                    "SE": {"Lund": 30, "Umea": 25, "Total": 55},
                },
            )
        },
        {"t": ("held", "class-disclosure", 0)},
        "that nobody of Oslo is in Sweden is known to everyone; a person sees so too",
        caught=False,
    ),
    Case(
        "class-disclosure",
        "All who are married work full time",
        "HB",
        "section 5.2, table 'Marital status by hours worked', tenfold",
        {
            "t": crossed(
                "status",
                "hours",
                {
                    "Married": {"Full": 60},
                    "Divorced": {"Full": 50, "Part": 10},
                    "Single": {"Full": 20, "Part": 20},
                },
            )
        },
        {"t": ("held", "class-disclosure", 0)},
        "who is known to be married is known to work full time",
    ),
    Case(
        "class-disclosure",
        "The same with its empty cell",
        "HB",
        "section 5.2, table 'Marital status by hours worked', tenfold",
        {
            "t": crossed(
                "status",
                "hours",
                {
                    "Married": {"Full": 60, "Part": 0},
                    "Divorced": {"Full": 50, "Part": 10},
                    "Single": {"Full": 20, "Part": 20},
                },
            )
        },
        {"t": ("suppressed", "small-count", 1)},
        "the zero stays as a small count, and could be up to nine",
        caught=False,
    ),
    Case(
        "complementary",
        "The same with the total of the married",
        "HB",
        "section 5.2, table 'Marital status by hours worked', tenfold",
        {
            "t": crossed(
                "status",
                "hours",
                {
                    "Married": {"Full": 60, "Part": 0, "Total": 60},
                    "Divorced": {"Full": 50, "Part": 10, "Total": 60},
                    "Single": {"Full": 20, "Part": 20, "Total": 40},
                },
            )
        },
        {"t": ("suppressed", "small-count", 2)},
        "the total would disclose the zero, so a second row stays",
    ),
    Case(
        "class-disclosure",
        "A share of 100 %",
        "SDAP",
        "section B, frequencies: cells of 0 % and of 100 %",
        {"s": Published(kind="scalar", counts=None, value=1.0, of=40)},
        {"s": ("held", "class-disclosure", 0)},
        "each of the forty is known",
    ),
    Case(
        "small-count",
        "A share of three of forty",
        "SDAP",
        "section B, frequencies: percentages tell the counts behind them",
        {"s": Published(kind="scalar", counts=None, value=0.075, of=40)},
        {"s": ("refused", "small-count", 0)},
        "7.5 % of forty are three",
    ),
    Case(
        "small-count",
        "A mean of eight",
        "SDAP",
        "section B, means: the threshold rule",
        {"s": Published(kind="scalar", counts=None, value=54.5, of=8)},
        {"s": ("refused", "small-count", 0)},
        "it is of fewer than ten",
    ),
    Case(
        "small-count",
        "A share of a third",
        "SDAP",
        "section B, frequencies",
        {"s": Published(kind="scalar", counts=None, value=1 / 3, of=60)},
        {"s": _FREE},
        "twenty of sixty",
        caught=False,
    ),
    Case(
        "differencing",
        "The same area, drawn otherwise",
        "HB",
        "section 5.2, tables 'Single person households' of 2001 and of 1991",
        {"t": crossed("hours", "sex", HOUSEHOLDS_1991)},
        {"t": ("suppressed", "differencing", 3)},
        "52 - 50, 55 - 54 and 130 - 128 are few people",
        before=({"t": crossed("hours", "sex", HOUSEHOLDS_2001)},),
    ),
    Case(
        "differencing",
        "A variable coded otherwise",
        "HB",
        "section 5.2, tables 'Hours worked by sex' (under 20, under 25), tenfold but for one",
        {"t": counted("hours", {"<25": 61, "25-39": 89, "40-59": 50})},
        {"t": ("suppressed", "differencing", 2)},
        "one person works between 20 and 24 hours",
        before=({"t": counted("hours", {"<20": 60, "20-39": 90, "40-59": 50})},),
    ),
    Case(
        "differencing",
        "Men who live and work in the area",
        "HB",
        "section 5.2, tables 'Area of residence or workplace' and 'Males working and living'",
        {
            "places": counted("place", {"both": 22, "lives": 63, "works": 27}),
            "men": crossed(
                "place", "sex", {"both": {"m": 21}, "lives": {"m": 58}, "works": {"m": 23}}
            ),
        },
        {
            "places": ("suppressed", "differencing", 3),
            "men": ("suppressed", "differencing", 3),
        },
        "22 - 21 is one woman",
    ),
    Case(
        "differencing",
        "Another age limit, many people apart",
        "SDAP",
        "section B, differencing",
        {"t": counted("sex", {"female": 40, "male": 52})},
        {"t": _FREE},
        "the difference is of as many as the minimum",
        caught=False,
        before=({"t": counted("sex", {"female": 60, "male": 62})},),
    ),
    Case(
        "differencing",
        "A scalar, three people apart",
        "SDAP",
        "section B, differencing",
        {"s": Published(kind="scalar", value=103)},
        {"s": ("held", "differencing", 0)},
        "a person decides",
        before=({"s": Published(kind="scalar", value=100)},),
    ),
    Case(
        "dominance",
        "Two of fifty make 99 %",
        "HB",
        "section 4.2, example 1 of the (1,90) rule",
        {"t": sums(100_000, 50_000, 49_000)},
        {"t": ("suppressed", "dominance", 1)},
        "the second could tell the first to within 2 %",
    ),
    Case(
        "dominance",
        "Safe by the p% rule, not by dominance",
        "HB",
        "section 4.2, example 2",
        {"t": sums(110_000, 52_000, 50_000)},
        {"t": ("suppressed", "dominance", 1)},
        "102 000 is more than 90 % of 110 000",
    ),
    Case(
        "dominance",
        "Nobody dominates",
        "HB",
        "section 4.2, sensitivity rules",
        {"t": sums(1_000_000, 52_000, 50_000)},
        {"t": _FREE},
        "and the largest contributions themselves do not leave",
        caught=False,
    ),
    Case(
        "p-percent",
        "One company of 51 makes 99 %",
        "HB",
        "section 4.2, example 1d",
        {"t": sums(100.0, 99.0, 0.02, n=51)},
        {"t": ("suppressed", "dominance", 1)},
        "the sum is a close estimate of the largest",
    ),
    Case(
        "p-percent",
        "Only two contribute",
        "HB",
        "section 4.2, example 1b",
        {"t": sums(90.0, 60.0, 30.0, n=12)},
        {"t": ("suppressed", "dominance", 1)},
        "each could subtract the own part",
    ),
    Case(
        "contributions",
        "A negative contribution",
        "HB",
        "section 4.2: the rules are for contributions of zero or more",
        {"t": sums(100.0, 60.0, -5.0)},
        {"t": ("refused", "contributions", 0)},
        "the rules say nothing of it",
    ),
    Case(
        "membership",
        "A model of fourteen coefficients",
        "ML",
        "risk by kind and size of a model",
        {"m": Published(kind="model", counts=None, value=14, of=304)},
        {"m": _FREE},
        "noted for the operator",
    ),
    Case(
        "membership",
        "A model of a million numbers",
        "ML",
        "risk by kind and size of a model; Shokri et al., membership inference",
        {"m": Published(kind="model", counts=None, value=1_000_000, of=2_000_000)},
        {"m": ("held", "membership", 0)},
        "it may remember who was in its data",
    ),
    Case(
        "uncounted",
        "A model of more numbers than people",
        "SDAP",
        "section B, regression: a model with as many parameters as observations is saturated",
        {"m": Published(kind="model", counts=None, value=305, of=304)},
        {"m": ("held", "uncounted", 0)},
        "it can hold their values one by one",
    ),
    Case(
        "uncounted",
        "A model of four people for each number",
        "SDAP",
        "section B, regression: a model with as many parameters as observations is saturated",
        {"m": Published(kind="model", counts=None, value=76, of=304)},
        {"m": ("held", "uncounted", 0)},
        "each number needs five people, or a person decides",
    ),
    Case(
        "uncounted",
        "Two models of the same people",
        "SDAP",
        "section B, regression: a model with as many parameters as observations is saturated",
        {
            "m": Published(kind="model", counts=None, value=40, of=304),
            "o": Published(kind="model", counts=None, value=40, of=304),
        },
        {"m": ("held", "uncounted", 0), "o": ("held", "uncounted", 0)},
        "the numbers of all models of a stop are counted together",
    ),
    Case(
        "small-count",
        "A model of nine people",
        "SDAP",
        "section B, regression: degrees of freedom",
        {"m": Published(kind="model", counts=None, value=2, of=9)},
        {"m": ("refused", "small-count", 0)},
        "as a table of nine is",
    ),
    Case(
        "uncounted",
        "A number by itself",
        "SDAP",
        "section C: what no rule covers is looked at",
        {"s": Published(kind="scalar", counts=None, value=233.0)},
        {"s": ("held", "uncounted", 0)},
        "it may be one person's",
    ),
    Case(
        "extreme",
        "The age of the oldest",
        "SDAP",
        "section B, maxima, minima and percentiles: they are often one person's",
        {"s": Published(kind="scalar", counts=None, value=77, of=304, statistic="max")},
        {"s": ("held", "extreme", 0)},
        "it is one person's age",
    ),
    Case(
        "group",
        "The women, and everybody by pain",
        "SDAP",
        "section B, frequency tables: a count is judged with the group that it is of",
        {
            "by_pain": counted("pain", {"typical": 150, "none": 154}),
            "women": Published(kind="scalar", value=96),
        },
        {"by_pain": ("released", "", 0), "women": ("held", "group", 0)},
        "nobody can tell whom it counts, and so what it goes with",
    ),
    Case(
        "group",
        "The women, who are said to be that",
        "SDAP",
        "section B, frequency tables: a count is judged with the group that it is of",
        {
            "by_pain": counted("pain", {"typical": 150, "none": 154}),
            "women": Published(kind="scalar", value=96, where={"sex": "female"}),
        },
        {"by_pain": ("released", "", 0), "women": ("released", "", 0)},
        "208 others are many",
        caught=False,
    ),
    Case(
        "complementary",
        "All women, who are almost all",
        "HB",
        "section 4.2",
        {
            "by_pain": counted("pain", {"typical": 150, "none": 154}),
            "women": Published(kind="scalar", value=300, where={"sex": "female"}),
        },
        {"by_pain": ("suppressed", "complementary", 1), "women": ("released", "", 0)},
        "4 others follow",
    ),
    Case(
        "model-form",
        "A pickled model",
        "PICKLE",
        "warning",
        {"m": Published(kind="model", counts=None, content=b"\x80\x04\x95\x05\x00")},
        {"m": ("refused", "model-form", 0)},
        "opening one runs its code",
    ),
    Case(
        "file-type",
        "A vector figure as a file",
        "SDAP",
        "section B, graphs: without the data behind them",
        {"f": Published(kind="file", counts=None, content=b"<svg><path d='M 1 2'/></svg>")},
        {"f": ("refused", "file-type", 0)},
        "its path holds the points; a figure is published as such, and leaves as PNG",
    ),
    Case(
        "uncounted",
        "A row a person",
        "SDAP",
        "section C: what no rule covers is looked at",
        {
            "t": Published(
                {"age": ("integer", [63, 41, 58]), "sex": ("integer", [1, 0, 1])}, counts=None
            )
        },
        {"t": ("held", "uncounted", 0)},
        "no rule knows how many people a row is about",
    ),
    Case(
        "unchecked",
        "A log",
        "SDAP",
        "section C: what no rule covers is looked at",
        {"f": Published(kind="file", counts=None, content=b"iteration 1\n")},
        {"f": ("held", "unchecked", 0)},
        "a person decides",
    ),
    Case(
        "free-text",
        "A label that is a formula",
        "OWASP",
        "",
        {"t": counted("sex", {"=cmd|x": 20, "male": 20})},
        {"t": ("refused", "free-text", 0)},
        "a spreadsheet would run it",
    ),
)
