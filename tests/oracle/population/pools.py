"""What invented resources are made of: few enough for queries to hit, nasty enough to break what is not careful."""

FAMILIES = (
    "Müller", "Mu\u0308ller", "MULLER", "Mueller", "O'Brien", "O’Brien", "Smith, Jr.", "Smith", "de la Cruz", "Ñandú",
    "100% Pure", "under_score", "underXscore", "back\\slash", "pipe|d", "dollar$ign", 'Quo"ted', "李小龍", "李",
    "שָׁלוֹם", "שלום", "مرحبا", "Straße", "STRASSE", "😀 Smile", "💊", "Ångström", "Double  Space", "İstanbul", "ΣΊΣΥΦΟΣ",
    "c\\,d", "<b>", "'; DROP TABLE patient;--", "%", "_",
)  # fmt: skip
GIVENS = (
    "Ada",
    "Adam",
    "ADA",
    "Zoë",
    "Zoe\u0308",
    "Jean-Luc",
    "Jean Luc",
    "J.",
    "Élodie",
    "elodie",
    "Omar",
    "عمر",
    "Łukasz",
)
PREFIXES = ("Dr.", "Prof.", "Ms")
SUFFIXES = ("Jr.", "III", "PhD")
CITIES = (
    "Zürich",
    "Zurich",
    "São Paulo",
    "Sao Paulo",
    "Köln",
    "København",
    "東京",
    "St. Gallen",
    "New  York",
    "Newark",
)
STREETS = ("Hauptstraße 1", "Hauptstrasse 10", "5th Ave, Apt. 2", "Rue de l'Été 7", "50% Lane")
STATES = ("ZH", "Île-de-France", "Ile de France", "NY")
COUNTRIES = ("CH", "US", "Côte d'Ivoire")
POSTAL_CODES = ("8001", "80", "10001-1234", "SW1A 1AA")
TEXTS = (
    "Take one tablet", "take ONE tablet daily", "Naïve approach", "Nothing, really", "100%", "1_2", "a|b", "a$b",
    "a\\b",    "Emoji 😀 inside", "טקסט", "Élan vital", "E\u0301lan", "plain",
)  # fmt: skip
NAMES = (
    "Acme Pharmacy",
    "ACME",
    "Äcme, Inc.",
    "Apotheke am Markt",
    "Farmácia",
    'A&B "Drugs"',
    "50% Off",
    "Central",
    "中央薬局",
)
WORDS = "water tablets naïve morning evening capsule Übelkeit resolved ibuprofen caution driving sleep".split()
NOTES = ("Patient was dizzy", "Refill late: called", "Ärztin informed", "no complaints")

SYSTEMS = ("http://loinc.org", "http://snomed.info/sct", "http://galenic.example/codes", None)
CODES = ("1234-5", "a", "A", "b,c", "d|e", "f$g", "h\\i", "100%", "x_y", "ä", "xXy")
DISPLAYS = ("Body weight", "body height", "Élan", "Blood, whole", "Übelkeit")
IDENTIFIER_SYSTEMS = (
    "http://galenic.example/ids",
    "urn:oid:1.2.36.146.595.217.0.1",
    "http://galenic.example/ids/2",
    None,
)
IDENTIFIER_VALUES = ("100", "1001", "a,b", "c|d", "e$f", "g\\h", "Zoë", "İ", "100%", "007", "😀")
IDENTIFIER_TYPES = (
    ("http://terminology.hl7.org/CodeSystem/v2-0203", "MR"),
    ("http://galenic.example/types", "RX"),
    (None, "MR"),
)
PHONES = ("+41 44 668 18 00", "555-1234", "5551234", "(03) 5555 6473")
EMAILS = ("ada@example.org", "ADA@example.org", "o'brien@example.org")

TAGS = ("urgent", "test", "a|b")
PROFILES = (
    "http://galenic.example/profiles/one",
    "http://galenic.example/profiles/one/two",
    "http://galenic.example/profiles/oneself",
)
URIS = (
    "http://galenic.example/a", "http://galenic.example/a/b", "http://galenic.example/a/b/c", "http://galenic.example/ab",
    "http://galenic.example/a%20b", "urn:oid:1.2.3", "urn:oid:1.2.3.4", "urn:uuid:4f1c1d2e-6a2b-4c3d-9e8f-0a1b2c3d4e5f",
    "http://galenic.example/A", "http://galenic.example/a_b", "http://galenic.example/q,r",
)  # fmt: skip
CANONICALS = (
    "http://galenic.example/plans/x",
    "http://galenic.example/plans/x|1.0",
    "http://galenic.example/plans/xy",
    "http://galenic.example/plans/x|2.0",
)

ZONES = ("Z", "+02:00", "-05:00", "+05:45", "+14:00", "-11:00")
DAYS = (
    "2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-10", "2024-03-31", "2024-10-27",
    "2024-11-03", "2024-12-31", "2025-02-28", "2025-06-15", "2026-10-31", "2026-11-01", "2026-11-30", "1900-02-28",
    "1969-12-31", "2099-01-01",
)  # fmt: skip
TIMES = ("00:00:00", "00:00:01", "01:30:00", "02:30:00", "12:00:00", "12:00:30", "23:59:59", "18:15:00")
FRACTIONS = (".1", ".123", ".999", ".000")

NUMBERS = (
    "1",
    "1.0",
    "1.00",
    "2",
    "5",
    "5.4",
    "5.40",
    "5.45",
    "10",
    "99.5",
    "100",
    "100.0",
    "100.5",
    "120",
    "1000",
    "-3",
    "0",
    "0.5",
    "0.001",
    "60",
    "61",
)
UNITS = ("mg", "g", "ug", "kg", "mL", "L", "h", "d", "min", "mm[Hg]", "cm", "m")
OTHER_UNITS = (
    ("http://galenic.example/units", "tablet", "tablet"),
    (None, None, "puff"),
    ("http://galenic.example/units", "mg", "milligram"),
)
CURRENCIES = ("USD", "EUR", "CHF")
PLACES = (
    ("47.3769", "8.5417"),
    ("47.4979", "8.7240"),
    ("46.9480", "7.4474"),
    ("52.52", "13.405"),
    ("-33.8688", "151.2093"),
    ("0.0", "179.99"),
    ("0.0", "-179.99"),
    ("89.9", "0"),
)
