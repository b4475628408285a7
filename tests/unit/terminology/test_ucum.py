"""Units of measure: what they reduce to."""

import json
from collections.abc import Iterator
from decimal import Context, Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from terminology.ucum import Canonical, canonical
from terminology.ucum.atoms import atoms
from terminology.ucum.canonical import CODE_CHARACTERS_MAX

SUITE = Path("terminology") / "ucum" / "UcumFunctionalTests.xml"

WRONG_CONVERSIONS: frozenset[str] = frozenset()
"""Conversions of UCUM's suite that come out wrong: this may only shrink."""

ACCEPTED_WRONGLY = frozenset({"10+3/ul"})
"""What UCUM's suite refuses and is read here, as 10 to the third: this may only shrink."""

DISPUTED = frozenset({"[LPF]", "/[LPF]", "{#}/[LPF]", "[mesh_i]"})
"""Where ucum-lhc is another: its table has a low power field as 1, and meshes per inch as inches."""


@pytest.mark.parametrize(
    ("code", "dimension", "factor"),
    [
        ("mg/dL", "g.m-3", "10"), ("kg.m-3", "g.m-3", "1000"), ("m[Hg]", "g.m-1.s-2", "133322000"), ("1", "1", "1"),
        ("%", "1", "0.01"), ("10*3/uL", "m-3", "1e12"), ("[lb_av]", "g", "453.59237"), ("d", "s", "86400"),
        ("[Cal]", "g.m2.s-2", "4184000"), ("[drp]", "m3", "5e-8"), ("cd", "cd", "1"), ("mg/{tablet}", "g", "0.001"),
        ("s/m.mg", "g.m-1.s", "0.001"), ("/m/s", "m-1.s-1", "1"), ("(/m/s)", "m-1.s-1", "1"), ("/(m/s)", "m-1.s", "1"),
    ],
)  # fmt: skip
def test_a_unit_is_an_exact_multiple_of_base_units(code: str, dimension: str, factor: str) -> None:
    assert canonical(code) == Canonical(dimension, Decimal(factor))


def test_a_factor_without_an_end_has_34_digits() -> None:
    assert canonical("/min") == Canonical("s-1", Context(prec=34).divide(Decimal(1), Decimal(60)))


@pytest.mark.parametrize(
    "code", ["Cel", "[degF]", "[pH]", "B", "dB", "kCel.m", "[p'diop]", "%[slope]", "bit_s", "Np/s"]
)
def test_a_special_unit_is_converted_by_no_factor(code: str) -> None:
    assert canonical(code) is None


@pytest.mark.parametrize("code", ["{tablet}", "{a}/{b}", "/{tablet}", "({x})"])
def test_an_annotation_alone_says_no_unit(code: str) -> None:
    assert canonical(code) is None


@pytest.mark.parametrize(
    "code", ["", "m/", "m^2", "2m", "mg/dl ", "bogus", "(m", "m" * 65, "\u00b5g", "km100", "٢", "0"]
)
def test_what_is_no_unit_is_none(code: str) -> None:
    assert canonical(code) is None


def test_arbitrary_units_are_comparable_with_nothing_but_themselves() -> None:
    alone = {code for code, atom in atoms().items() if not atom.unit and not atom.special}
    assert alone >= {"[iU]", "[arb'U]", "[USP'U]", "[CFU]", "[PFU]", "g"}
    assert all(canonical(code) == Canonical(code, Decimal(1)) for code in alone)
    assert canonical("[IU]") == canonical("[iU]")
    assert canonical("k[iU]/L") == Canonical("[iU].m-3", Decimal(1_000_000))


def test_every_unit_of_the_table_is_read_but_the_special_ones() -> None:
    unread = {code for code, atom in atoms().items() if canonical(code) is None and not atom.special}
    assert unread == set()


@given(st.text(max_size=80) | st.text(alphabet="mgsLk[]iUu{}()./*+-^0123456789", max_size=CODE_CHARACTERS_MAX))
@example("m" + "9" * 60)
@example("9" * 64)
@example("10*99.10*99")
@example("(" * 64)
@example("[mu_0]99.[mu_0]99")
@example("m{\n}")
def test_no_code_is_an_error(code: str) -> None:
    found = canonical(code)
    assert found is None or found.factor > 0


@given(
    st.sampled_from(["mg", "L", "/min", "[iU]", "10*-3", "mol", "[in_i]"]), st.sampled_from(["s", "dL", "%", "[iU]"])
)
def test_a_quotient_has_the_quotient_of_the_factors(one: str, other: str) -> None:
    whole, above, below = canonical(f"{one}/{other}"), canonical(one), canonical(other)
    assert whole is not None
    assert above is not None
    assert below is not None
    rounded = Context(prec=30)
    assert rounded.plus(whole.factor) == rounded.divide(above.factor, below.factor)


def cases(corpus: Path, part: str) -> Iterator[dict[str, str]]:
    root = ET.parse(corpus / SUITE).getroot()  # noqa: S314 - UCUM's own file
    yield from (case.attrib for case in root.iterfind(f"{part}/case"))


@pytest.mark.corpus
def test_units_are_converted_as_in_ucums_suite(corpus: Path) -> None:
    converted = list(cases(corpus, "conversion"))
    wrong = {case["id"] for case in converted if not is_right(case)}
    assert len(converted) > 25
    assert wrong == WRONG_CONVERSIONS


def is_right(case: dict[str, str]) -> bool:
    """To the digits the suite gives; the dimensions have to be the same."""
    source, target = canonical(case["srcUnit"]), canonical(case["dstUnit"])
    if source is None or target is None or source.dimension != target.dimension:
        return False
    outcome = Decimal(case["outcome"])
    found = Decimal(case["value"]) * source.factor / target.factor
    return Context(prec=len(outcome.as_tuple().digits)).plus(found) == outcome


@pytest.mark.corpus
def test_codes_are_read_and_refused_as_in_ucums_suite(corpus: Path) -> None:
    known = list(cases(corpus, "validation"))
    read = {case["unit"] for case in known if case["valid"] == "false" and canonical(case["unit"])}
    refused = {case["unit"] for case in known if case["valid"] == "true" and not canonical(case["unit"])}
    assert len(known) > 500
    assert read == ACCEPTED_WRONGLY
    assert refused == {"{e}", "{bsa}", "{cfu}", "{od}", "/{LPF}", "/{tot}", "Cel", "dB", "dB[SPL]", "dB[10.nV]"}


@pytest.mark.corpus
def test_factors_are_those_of_another_implementation(corpus: Path) -> None:
    """Those of ucum-lhc; where it has older values of natural constants, to a thousandth."""
    units = json.loads((corpus / "terminology" / "ucum" / "ucum-lhc-defs.min.json").read_text())["units"]
    code, magnitude = units["config"].index("csCode_"), units["config"].index("magnitude_")
    compared = {row[code]: (canonical(row[code]), row[magnitude]) for row in units["data"] if row[magnitude]}
    read = {unit: (ours.factor, theirs) for unit, (ours, theirs) in compared.items() if ours}
    assert len(read) > 700
    assert {unit for unit, (ours, theirs) in read.items() if abs(float(ours) / theirs - 1) > 1e-3} == DISPUTED
