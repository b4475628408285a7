"""Which of RxNorm's ingredients a substance is that another list names: `AMLODIPINE BESYLATE` is amlodipine."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

FORMS: Final = frozenset(
    """
    acetate acetonide acid aluminum anhydrous aspartate axetil benzathine benzoate besylate bisulfate bitartrate
    bromide butyrate calcium camsylate carbonate chloride cilexetil citrate cypionate decanoate dihydrate
    dihydrochloride dimaleate dinitrate dipivoxil dipropionate disodium disoproxil edisylate enanthate estolate
    esylate etexilate ethylsuccinate fumarate furoate gluconate hemifumarate hemihydrate hemisulfate hippurate hyclate
    hydrobromide hydrochloride iodide isethionate lactate lactobionate lysine magnesium malate maleate mandelate
    medoxomil meglumine mesylate methylbromide mofetil monohydrate monohydrochloride mononitrate napsylate nitrate
    oxalate palmitate pamoate phosphate pidolate pivalate potassium procaine propanediol propionate saccharate
    salicylate sodium stearate succinate sulfate tannate tartrate tosylate trihydrate tromethamine valerate xinafoate
    zinc
    """.split()
)
"""Words that make a salt, an ester or a hydrate of what precedes them."""


def folded(name: str) -> str:
    """A name as names are compared: case and runs of spaces make no difference."""
    return " ".join(name.casefold().split())


class Substances:
    """Ingredients by every name that is said to be theirs."""

    def __init__(self) -> None:
        self._ingredients: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, name: str, rxcui: str) -> None:
        """Says that a name is of an ingredient. A name of two ingredients is of none."""
        self._ingredients[folded(name)].add(rxcui)

    def __contains__(self, name: str) -> bool:
        return folded(name) in self._ingredients

    def ingredient(self, name: str) -> str | None:
        """The RXCUI of the ingredient of that name, or of the one that it is a salt of; None where that is not sure."""
        words = folded(name).split()
        for length in range(len(words), 0, -1):
            found = self._ingredients.get(" ".join(words[:length]))
            if found:
                return next(iter(found)) if len(found) == 1 else None
            if words[length - 1].strip(",") not in FORMS:
                return None
        return None

    def ingredients(self, names: Iterable[str]) -> frozenset[str] | None:
        """The ingredients of a mixture; None where one of them is not known."""
        found = [self.ingredient(name) for name in names]
        return None if None in found else frozenset(filter(None, found))
