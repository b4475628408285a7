"""What names, drugs, codes and notes of the invented store are made of; the first of a list is the most frequent."""

from itertools import product
from random import Random
from typing import NamedTuple

_ROOTS = """
Müll Schmid Jørg Lind Berg Novák Kovač Peter Ander Fernánd Rodrígu Gonzál Martín Sanch Olivei Ferr Ross Bianch Dubois
Lefèv Moreau Garcí Perez Hernánd López Ramír Núñ Schäf Köhl Bäck Groß Hofm Krüg Łukasz Wójcik Dvořák Černý Šim Žižk
Åkes Öst Håkan Bjørn Óskar Þór Kaya Yılm Nguy Tran Sato
""".split()
_ENDINGS = "er sen ez ić ová ini eau mann ström ley".split()
_GIVENS = """
Ana Ben Chloé Dana Émile Fina Gérard Hedi Ivo Jürgen Käthe Lena Måns Noël Olga Pål Quentin René Søren Thérèse Uwe Vera
Walter Xenia Yağmur Zoë André Bärbel Céline Dörte Elif François Göran Hélène Iñaki João Krzysztof Léa Mária Nuño Oğuz
Paweł Rúna Šárka Tomáš Ulla Václav Wiebke Åsa Øystein
""".split()

_INGREDIENTS = """
Amlodipine Atorvastatin Lisinopril Metformin Omeprazole Sertraline Warfarin Levothyroxine Albuterol Losartan Gabapentin
Hydrochlorothiazide Metoprolol Simvastatin Montelukast Escitalopram Rosuvastatin Bupropion Furosemide Trazodone
Pantoprazole Duloxetine Prednisone Tamsulosin Meloxicam Clopidogrel Citalopram Potassium Carvedilol Venlafaxine
Allopurinol Propranolol Cetirizine Fluoxetine Ibuprofen Naproxen Amoxicillin Azithromycin Cephalexin Doxycycline
Ciprofloxacin Apixaban Rivaroxaban Dabigatran Ramipril Enalapril Valsartan Candesartan Spironolactone Digoxin Diltiazem
Verapamil Nifedipine Isosorbide Hydralazine Clonidine Glipizide Glimepiride Sitagliptin Empagliflozin Liraglutide
Insulin Lamotrigine Levetiracetam Topiramate Valproate Carbamazepine Phenytoin Quetiapine Olanzapine Risperidone
Aripiprazole Mirtazapine Amitriptyline Zolpidem Lorazepam Clonazepam Alprazolam Tramadol Oxycodone Morphine Fentanyl
Methotrexate Hydroxychloroquine Sulfasalazine Azathioprine Tacrolimus Colchicine Febuxostat Alendronate Raloxifene
Estradiol Progesterone Finasteride Sildenafil Tadalafil Budesonide Fluticasone Tiotropium Ipratropium Loratadine
""".split()
_STRENGTHS = tuple(
    zip(
        (5, 10, 20, 40, 25, 50, 100, 250, 2, 1),
        ("tablet", "tablet", "tablet", "tablet", "capsule", "capsule", "capsule", "suspension", "patch", "injection"),
        strict=True,
    )
)

CITIES = ("Springfield", "Århus", "Łódź", "Köln", "São Paulo", "Genève", "Žilina", "Ourense", "Málaga", "Tromsø")
NOTE = """
patient advised to take with food and a full glass of water do not crush or chew call the pharmacy where rash dizziness
or swelling persists after a day refill synchronised with the other medicines insurance confirmed by telephone allergy
status reviewed counselled about alcohol and driving next review due at the coming visit label in large print requested
""".split()


class Drug(NamedTuple):
    ingredient: str
    strength_mg: int
    form: str

    @property
    def display(self) -> str:
        return f"{self.ingredient} {self.strength_mg} MG Oral {self.form.capitalize()}"


class Reading(NamedTuple):
    """What an Observation measures: a LOINC code, its UCUM unit, and where its values lie."""

    loinc: str
    display: str
    unit: str
    low: float
    high: float


class Code(NamedTuple):
    code: str
    display: str


FAMILIES = [root + ending for root, ending in product(_ROOTS, _ENDINGS)]
GIVENS = _GIVENS + [f"{first}-{second}" for first, second in product(_GIVENS[:25], _GIVENS[40:])]
DRUGS = [Drug(ingredient, *strength) for strength, ingredient in product(_STRENGTHS, _INGREDIENTS)]
for _list in (FAMILIES, GIVENS):
    Random(500).shuffle(_list)  # the frequent ones do not share their beginnings

READINGS = (
    Reading("8480-6", "Systolic blood pressure", "mm[Hg]", 85, 210),
    Reading("8462-4", "Diastolic blood pressure", "mm[Hg]", 45, 120),
    Reading("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 55, 330),
    Reading("8867-4", "Heart rate", "/min", 45, 160),
    Reading("29463-7", "Body weight", "kg", 3, 160),
    Reading("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4, 14),
    Reading("6301-6", "INR in Platelet poor plasma by Coagulation assay", "{INR}", 0.8, 5),
    Reading("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.4, 6),
    Reading("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 2.5, 6.5),
    Reading("8310-5", "Body temperature", "Cel", 35, 41),
    Reading("2089-1", "Cholesterol in LDL [Mass/volume] in Serum or Plasma", "mg/dL", 40, 260),
    Reading("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 0.1, 12),
)
REASONS = (
    Code("38341003", "Hypertensive disorder"),
    Code("55822004", "Hyperlipidemia"),
    Code("44054006", "Type 2 diabetes mellitus"),
    Code("235595009", "Gastroesophageal reflux disease"),
    Code("35489007", "Depressive disorder"),
    Code("49436004", "Atrial fibrillation"),
    Code("40930008", "Hypothyroidism"),
    Code("195967001", "Asthma"),
)
STEPS = (
    Code("verify", "Verify the prescription"),
    Code("fill", "Count and fill"),
    Code("check", "Check by a pharmacist"),
    Code("deliver", "Hand over or deliver"),
)
