"""Facts about drugs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminology.drugs import ingredients as drugs
from terminology.drugs.cautions import (
    all_at_age,
    all_cross_sensitivities,
    all_daily_doses,
    all_in_pregnancy,
    all_morphine_equivalents,
    all_with_condition,
    at_age,
    cross_sensitivities,
    daily_dose_max,
    in_pregnancy,
    mme_factor,
    with_condition,
)
from terminology.drugs.compile_facts import compiled as compile_facts
from terminology.drugs.compile_facts import steps
from terminology.drugs.ingredients import SCHEDULES, consists_of, ingredients, named, schedule, starting_with
from terminology.drugs.interactions import SEVERITIES, Interaction, all_interactions, interactions, rxcui
from terminology.drugs.reading import Source, compiled, reviewed
from terminology.drugs.sources import ndc_directory
from terminology.drugs.sources.rxnorm import parts, rows, strengths
from terminology.drugs.strengths import _formulations, formulation
from terminology.drugs.substances import Substances
from terminology.ucum import canonical

PACKAGE = Path(drugs.__file__).parent
FILES_BYTES_MAX = 200_000
"""Of each packaged file."""


def between(one: str, other: str) -> tuple[Interaction, ...]:
    return interactions(rxcui(one), rxcui(other))


def sources() -> Iterator[Source]:
    yield from (found.source for several in all_interactions().values() for found in several)
    yield from (row.source for row in all_cross_sensitivities())
    tables = (all_in_pregnancy(), all_at_age(), all_with_condition(), all_morphine_equivalents())
    yield from (row.source for table in tables for several in table.values() for row in several)
    yield from (dose.source for dose in all_daily_doses().values())


def test_there_are_as_many_facts_as_the_compiler_found() -> None:
    assert len(ingredients()) == 1407
    assert sum(1 for found in ingredients().values() if found.classes) == 1097
    assert len(drugs._held()) == 22180
    assert len(all_interactions()) == 2227


def test_there_are_as_many_rows_as_were_reviewed() -> None:
    tables = ("interactions", "allergies", "pregnancy", "ages", "conditions", "daily_doses", "morphine_equivalents")
    assert [len(reviewed(table)) for table in tables] == [12, 16, 31, 13, 48, 86, 19]


def test_every_fact_has_a_source_with_an_address() -> None:
    found = list(sources())
    assert len(found) > 2000
    assert [
        source for source in found if not source.citation or not source.url.startswith(("http://", "https://"))
    ] == []


def test_every_ingredient_of_a_fact_is_known() -> None:
    said = set().union(
        *(pair for pair in all_interactions()), *(key.split() for key in compiled("drugs")["consists_of"])
    )
    said |= set().union(*(key.split() for key in compiled("ingredients")["schedules"]))
    said |= set().union(*compiled("ingredients")["groups"].values())
    assert said <= ingredients().keys()


def test_every_interaction_is_of_two_ingredients_in_order() -> None:
    for found in (one for several in all_interactions().values() for one in several):
        first, second = map(int, found.ingredients)
        assert first < second
        assert SEVERITIES[found.said] == found.severity


def test_an_interaction_is_the_same_from_both_sides() -> None:
    for pair in list(all_interactions())[:200]:
        one, other = pair
        assert interactions(one, other) == interactions(other, one) != ()


@pytest.mark.parametrize(
    ("one", "other", "severity", "cited"),
    [
        ("warfarin", "aspirin", "moderate", "PDDI-CDS warfarin-nsaids-cds"),
        ("warfarin", "ibuprofen", "moderate", "PDDI-CDS warfarin-nsaids-cds"),
        ("warfarin", "fluconazole", "moderate", "Coumadin, section 7.2, CYP2C9 inhibitors (NDA009218)"),
        ("simvastatin", "itraconazole", "high", "Zocor, section 4 Contraindications (NDA019766)"),
        ("sildenafil", "nitroglycerin", "high", "Viagra, section 4 Contraindications (NDA020895)"),
        ("nitroglycerin", "tadalafil", "high", "NDF-RT N0000035210"),
        ("colchicine", "erythromycin", "high", "NDF-RT N0000033333"),
        ("irbesartan", "amiloride", "moderate", "NDF-RT N0000176572"),
    ],
)
def test_a_known_interaction_is_found_with_its_source(one: str, other: str, severity: str, cited: str) -> None:
    assert (severity, cited) in {(found.severity, found.source.citation) for found in between(one, other)}


def test_a_source_speaks_once_of_two_ingredients() -> None:
    assert len(between("warfarin", "ibuprofen")) == 2
    for several in all_interactions().values():
        assert len({found.source for found in several}) == len(several)


def test_lithium_interacts_as_the_salts_that_are_sold() -> None:
    bare = {other for pair in all_interactions() if rxcui("lithium") in pair for other in pair - {rxcui("lithium")}}
    assert len(bare) > 30
    for salt in ("lithium carbonate", "lithium citrate"):
        assert all(interactions(rxcui(salt), other) for other in bare)


def test_what_no_source_speaks_of_is_no_interaction() -> None:
    assert between("acetaminophen", "amoxicillin") == ()
    assert interactions("0", rxcui("warfarin")) == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["oxycodone"], "CII"),
        (["alprazolam"], "CIV"),
        (["pregabalin"], "CV"),
        (["testosterone"], "CIII"),
        (["codeine"], "CII"),
        (["acetaminophen", "codeine"], "CIII"),
        (["hydrocodone", "acetaminophen"], "CII"),
        (["diphenoxylate", "atropine"], "CV"),
        (["chlorpheniramine", "codeine"], "CIII"),
        (["oxycodone", "alprazolam"], "CII"),
        (["warfarin"], None),
        (["sodium citrate"], None),
        ([], None),
    ],
)
def test_a_product_has_the_strictest_schedule_that_one_like_it_has(names: list[str], expected: str | None) -> None:
    assert schedule(map(rxcui, names)) == expected


def test_every_schedule_is_one_of_the_acts() -> None:
    assert {name for found in compiled("ingredients")["schedules"].values() for name in found} <= set(SCHEDULES)


@pytest.mark.parametrize(
    ("drug", "names"),
    [
        ("856940", {"acetaminophen", "hydrocodone"}),
        ("313761", {"zaleplon"}),
        ("261313", {"zafirlukast"}),
        ("11289", {"warfarin"}),
        ("0", set()),
        ("", set()),
    ],
)
def test_a_drug_consists_of_all_its_ingredients(drug: str, names: set[str]) -> None:
    assert {found.name for found in consists_of(drug)} == names


@pytest.mark.parametrize("name", ["warfarin", "Warfarin", "  WARFARIN ", "penicillin  g"])
def test_an_ingredient_is_found_by_its_name(name: str) -> None:
    found = named(name)
    assert found is not None
    assert ingredients()[found.rxcui] is found


def test_a_name_that_is_none_is_not_found() -> None:
    assert named("warfari") is None
    assert starting_with("zzz") == []
    with pytest.raises(KeyError):
        rxcui("warfari")


def test_ingredients_are_found_by_how_their_names_start() -> None:
    assert [found.name for found in starting_with("Isosorb")] == ["isosorbide", "isosorbide dinitrate"]
    assert len(starting_with("a", count_max=7)) == 7


def test_no_two_ingredients_have_one_name() -> None:
    assert len(drugs._by_name()) == len(ingredients())


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("amoxicillin", "Penicillins [CS]"),
        ("cephalexin", "Cephalosporins [CS]"),
        ("warfarin", "Vitamin K Antagonist [EPC]"),
        ("ibuprofen", "Nonsteroidal Anti-inflammatory Drug [EPC]"),
        ("lisinopril", "Angiotensin-converting Enzyme Inhibitors [MoA]"),
    ],
)
def test_an_ingredient_has_its_classes(name: str, class_name: str) -> None:
    found = named(name)
    assert found is not None
    assert class_name in found.classes


def test_opioids_and_benzodiazepines_are_marked() -> None:
    opioids = {found.name for found in ingredients().values() if found.opioid}
    assert opioids >= {"codeine", "fentanyl", "hydrocodone", "methadone", "morphine", "oxycodone", "tramadol"}
    assert {found.name for found in ingredients().values() if found.benzodiazepine} == set(
        """alprazolam chlordiazepoxide clobazam clonazepam clorazepate diazepam estazolam flurazepam lorazepam midazolam
        oxazepam quazepam remimazolam temazepam triazolam""".split()
    )
    assert not {"naloxone", "naltrexone", "loperamide", "zolpidem"} & opioids


@pytest.mark.parametrize(
    ("name", "form", "factor", "unit"),
    [
        ("oxycodone", "", "1.5", "mg"),
        ("hydromorphone", "", "5", "mg"),
        ("tramadol", "", "0.2", "mg"),
        ("fentanyl", "Transdermal System", "2.4", "ug/h"),
        ("fentanyl", "Transdermal Patch", "2.4", "ug/h"),
        ("fentanyl", "Buccal Film", "0.18", "ug"),
        ("oxycodone", "Extended Release Oral Tablet", "1.5", "mg"),
        ("morphine", "Oral Solution", "1", "mg"),
    ],
)
def test_an_opioid_has_a_factor_for_a_form(name: str, form: str, factor: str, unit: str) -> None:
    found = mme_factor(rxcui(name), form)
    assert found is not None
    assert (str(found.factor), found.unit) == (factor, unit)


def test_what_has_no_public_factor_has_none() -> None:
    assert mme_factor(rxcui("fentanyl")) is None
    assert mme_factor(rxcui("buprenorphine")) is None
    assert mme_factor(rxcui("morphine"), "Injection") is None
    assert mme_factor(rxcui("morphine"), "Rectal Suppository") is None
    assert mme_factor(rxcui("fentanyl"), "Sublingual Spray") is None
    assert all(ingredients()[opioid].opioid for opioid in all_morphine_equivalents())


def test_an_allergy_crosses_to_its_group_and_no_further() -> None:
    def groups(allergen: str, ingredient: str) -> list[str]:
        return [row.group for row in cross_sensitivities(rxcui(allergen), rxcui(ingredient))]

    assert groups("penicillin G", "amoxicillin") == ["penicillins"]
    assert groups("amoxicillin", "cephalexin") == ["penicillins to cephalosporins"]
    assert groups("aspirin", "naproxen") == ["NSAIDs and aspirin"]
    assert groups("sulfamethoxazole", "celecoxib") == ["sulfonamide antibacterials to celecoxib"]
    assert groups("celecoxib", "sulfamethoxazole") == []
    assert groups("amoxicillin", "azithromycin") == []
    assert groups("amoxicillin", "amoxicillin") == []


def test_what_is_not_for_pregnancy_says_from_when() -> None:
    (found,) = in_pregnancy(rxcui("ibuprofen"))
    assert (found.severity, found.from_week) == ("moderate", 20)
    (found,) = in_pregnancy(rxcui("isotretinoin"))
    assert (found.severity, found.from_week) == ("high", 0)
    assert in_pregnancy(rxcui("acetaminophen")) == ()


def test_what_is_not_for_an_age_says_for_which() -> None:
    (codeine,) = at_age(rxcui("codeine"))
    assert codeine.below_age is not None
    assert (codeine.below_age.value, codeine.below_age.unit, codeine.from_age) == (12, "a", None)
    (prasugrel,) = at_age(rxcui("prasugrel"))
    assert prasugrel.from_age is not None
    assert (prasugrel.from_age.value, prasugrel.below_age) == (75, None)
    assert at_age(rxcui("acetaminophen")) == ()


def test_every_age_has_an_end_and_a_unit() -> None:
    for row in (row for several in all_at_age().values() for row in several):
        ends = [age for age in (row.from_age, row.below_age) if age]
        assert ends
        assert all(age.value > 0 and age.unit in {"d", "mo", "a"} for age in ends)


def test_a_condition_is_known_by_how_its_code_begins() -> None:
    renal, acidosis = with_condition(rxcui("metformin"))
    assert renal.applies("N18.4")
    assert renal.applies("n18.6")
    assert not renal.applies("N18.3")
    assert acidosis.applies("E11.10")
    assert with_condition(rxcui("acetaminophen")) == ()


def test_every_severity_is_high_or_moderate() -> None:
    tables = (all_in_pregnancy(), all_at_age(), all_with_condition())
    found = {row.severity for table in tables for several in table.values() for row in several}
    assert found == {"high", "moderate"}


def test_a_dose_of_a_day_has_a_most() -> None:
    found = daily_dose_max(rxcui("acetaminophen"))
    assert found is not None
    assert found.mg_per_day == 4000
    assert daily_dose_max(rxcui("warfarin")) is None
    assert len(all_daily_doses()) == len(reviewed("daily_doses"))
    assert all(dose.mg_per_day > 0 for dose in all_daily_doses().values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zafirlukast 10 MG Oral Tablet [Accolate]", ["zafirlukast"]),
        ("24 HR tramadol hydrochloride 100 MG Extended Release Oral Capsule [ConZip]", ["tramadol hydrochloride"]),
        (
            "Abuse-Deterrent 12 HR oxycodone hydrochloride 10 MG Extended Release Oral Tablet",
            ["oxycodone hydrochloride"],
        ),
        ("polyethylene glycol 3350 17000 MG Powder for Oral Solution", ["polyethylene glycol 3350"]),
        (
            "acetaminophen 21.7 MG/ML / hydrocodone bitartrate 0.5 MG/ML Oral Solution",
            ["acetaminophen", "hydrocodone bitartrate"],
        ),
        ("0.5 ML enoxaparin sodium 100 MG/ML Prefilled Syringe", ["enoxaparin sodium"]),
    ],
)
def test_a_drugs_name_says_its_parts(name: str, expected: list[str]) -> None:
    assert parts(name) == expected


def test_a_drug_has_so_much_of_each_ingredient() -> None:
    found = formulation("856940")
    assert found is not None
    assert found.form == "Oral Solution"
    said = {ingredients()[one.ingredient].name: (str(one.value), one.unit) for one in found.strengths}
    assert said == {"acetaminophen": ("21.7", "mg/mL"), "hydrocodone": ("0.5", "mg/mL")}
    assert formulation("11289") is None


def test_every_strength_is_of_what_the_drug_consists_of() -> None:
    assert len(_formulations()) == 5370
    for drug, found in _formulations().items():
        assert {one.ingredient for one in found.strengths} == {one.rxcui for one in consists_of(drug)}
        assert all(one.value > 0 and canonical(one.unit) for one in found.strengths)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "72 HR fentanyl 0.025 MG/HR Transdermal System [Duragesic]",
            ("Transdermal System", ["0.025 MG/HR"]),
        ),
        ("aspirin 325 MG / codeine phosphate 30 MG Oral Tablet", ("Oral Tablet", ["325 MG", "30 MG"])),
        ("polyethylene glycol 3350 17000 MG Powder for Oral Solution", ("Powder for Oral Solution", ["17000 MG"])),
        ("menthol 0.0125 MG/MG Topical Gel", None),
        ("penicillin V 1000000 UNT Oral Tablet", None),
    ],
)
def test_a_drugs_name_says_strengths_of_mass(name: str, expected: tuple[str, list[str]] | None) -> None:
    assert strengths(name) == expected


def test_a_salt_is_its_ingredient_and_a_name_of_two_is_none() -> None:
    made = Substances()
    made.add("isosorbide", "1")
    made.add("Isosorbide dinitrate", "2")
    made.add("thing", "3")
    made.add("thing", "4")
    assert made.ingredient("ISOSORBIDE MONONITRATE") == "1"
    assert made.ingredient("isosorbide  dinitrate") == "2"
    assert made.ingredient("isosorbide extract") is None
    assert made.ingredient("thing sodium") is None
    assert made.ingredients(["isosorbide", "isosorbide dinitrate"]) == frozenset({"1", "2"})
    assert made.ingredients(["isosorbide", "other"]) is None


def test_ascending_numbers_are_written_as_steps() -> None:
    assert steps([5, 7, 12]) == "5 2 5"


def test_the_packaged_files_are_small() -> None:
    sizes = {str(path.relative_to(PACKAGE)): path.stat().st_size for path in PACKAGE.rglob("*.json")}
    assert len(sizes) == 11
    assert max(sizes.values()) <= FILES_BYTES_MAX


@pytest.mark.corpus
def test_compiling_again_makes_the_same_bytes(corpus: Path) -> None:
    made = compile_facts(corpus / "drugs")
    assert {name: len(content) for name, content in made.items()} == {
        name: (PACKAGE / name).stat().st_size for name in made
    }
    assert [name for name, content in made.items() if content != (PACKAGE / name).read_bytes()] == []


@pytest.mark.corpus
def test_every_label_that_is_cited_is_of_a_product_of_that_name(corpus: Path) -> None:
    products = rows(corpus / "drugs" / ndc_directory.PRODUCTS, encoding="cp1252")
    names = {(row["APPLICATIONNUMBER"], row["PROPRIETARYNAME"].strip().casefold()) for row in products}
    tables = ("interactions", "allergies", "pregnancy", "ages", "conditions", "daily_doses")
    cited = [row["source"] for table in tables for row in reviewed(table)]
    labels = {(number, text.split(",")[0].casefold()) for text, number in cited if not number.startswith("https://")}
    assert len(labels) > 100
    assert labels - names == set()
