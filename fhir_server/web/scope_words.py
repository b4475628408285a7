"""What an app asks for, in plain words: each scope a sentence, in the group it belongs to.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fhir_server.auth.scopes import ANY_TYPE, Scope, parse_scope
from fhir_server.identity.granting import FHIR_USER, LAUNCH, LAUNCH_ENCOUNTER, LAUNCH_PATIENT, OFFLINE, ONLINE, OPENID
from fhir_server.identity.issuer import Lifetimes
from fhir_server.web.speech import Speech
from fhir_server.web.texts import CRITERIA, TYPES

Group = Literal["patient", "user", "identity", "duration", "required"]

GROUPS: Final[tuple[Group, ...]] = ("patient", "user", "identity", "duration", "required")
"""In the order of the page."""

GROUP_OF: Final[Mapping[str, Group]] = {
    OPENID: "identity",
    FHIR_USER: "identity",
    OFFLINE: "duration",
    ONLINE: "duration",
    LAUNCH: "required",
    LAUNCH_PATIENT: "required",
    LAUNCH_ENCOUNTER: "required",
}

VERBS: Final = (("see", "rs"), ("add", "c"), ("change", "u"), ("delete", "d"))
"""What each verb is in letters of a scope."""

SECONDS_A_DAY: Final = 86_400
SECONDS_AN_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Offer:
    """One scope as the page shows it; `scope` is as the app wrote it, `changes` where it allows more than seeing."""

    scope: str
    group: Group
    label: str
    detail: str = ""
    changes: bool = False

    @property
    def is_required(self) -> bool:
        return self.group == "required"


@dataclass(frozen=True, slots=True)
class Describer:
    """Describes scopes to one person; `fhir_user` is that person's reference."""

    speech: Speech
    lifetimes: Lifetimes
    fhir_user: str

    def offers(self, scopes: Sequence[str]) -> list[Offer]:
        """Grouped, otherwise in the order of the app."""
        found = [self.offer(scope) for scope in scopes]
        return sorted(found, key=lambda offer: GROUPS.index(offer.group))

    def offer(self, text: str) -> Offer:
        scope = parse_scope(text)
        if scope is None:
            return Offer(text, GROUP_OF.get(text, "required"), self._word(text), self._word_detail(text))
        group: Group = "patient" if scope.level == "patient" else "user"
        return Offer(text, group, self._label(scope), self._criteria(scope), bool(set(scope.interactions) - set("rs")))

    def _word(self, text: str) -> str:
        return self.speech.say(text) if text in self.speech.texts else text

    def _word_detail(self, text: str) -> str:
        key = f"{text}_detail"
        if key not in self.speech.texts:
            return ""
        days = self.lifetimes.offline_refresh // SECONDS_A_DAY
        hours = self.lifetimes.online_refresh // SECONDS_AN_HOUR
        return self.speech.say(key, days=days, hours=hours, reference=self.fhir_user)

    def _label(self, scope: Scope) -> str:
        """`See and change prescriptions`."""
        verbs = [self.speech.say(verb) for verb, letters in VERBS if set(letters) & set(scope.interactions)]
        label = self.speech.say("scope_label", verbs=self.speech.listed(verbs), things=self._things(scope.type_name))
        return label[:1].upper() + label[1:]

    def _things(self, type_name: str) -> str:
        if type_name == ANY_TYPE:
            return self.speech.say("everything")
        return TYPES[self.speech.language].get(type_name) or self.speech.say("other_type", type=type_name)

    def _criteria(self, scope: Scope) -> str:
        """`Only vital signs`; what is not in the table is said as it was asked."""
        if not scope.criteria:
            return ""
        known = CRITERIA[self.speech.language]
        words = [
            known.get(pair) or self.speech.say("criterion", name=pair[0], value=pair[1]) for pair in scope.criteria
        ]
        return self.speech.say("only", criteria=self.speech.listed(words))
