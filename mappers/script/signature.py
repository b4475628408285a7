"""Digital signatures of controlled prescriptions. https://www.w3.org/TR/xmldsig-core1/, 21 CFR 1311.

A signature says something about one element, and an attacker may move that element to where nobody looks. So before the
cryptography it is made sure that there is one signature with one reference, that it is to the message, its body or its
transaction where they belong, and that nothing else answers to the same id. Anything unusual is refused.
"""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lxml import etree

from mappers.script.faults import ScriptFault
from mappers.script.tree import SIGNATURE
from mappers.script.xml import parse_xml

XMLDSIG: Final = SIGNATURE.removesuffix("Signature")
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
CANONICAL: Final = frozenset(
    {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    }
)
METHODS: Final = tuple(f"{key}_SHA{bits}" for key in ("RSA", "ECDSA") for bits in (256, 384, 512))
DIGESTS: Final = ("SHA256", "SHA384", "SHA512")
CERTIFICATES_MAX: Final = 8
"""Certificates that are looked at, the signer's included."""
_IDS: Final = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")


class SignatureRefused(ScriptFault):
    """The signature does not hold, or is not of the kind that is taken."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "Signature")


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature was found to be about: the canonical bytes are the evidence to be kept."""

    place: str
    """`Message`, `Body` or the name of the transaction."""
    canonical: bytes
    certificate: bytes
    """The signer's, as PEM."""


def verify_signature(raw: bytes, trust_anchors: Sequence[bytes], now: datetime) -> Signed:
    """What is signed in a message, by a certificate that one of the anchors (PEM) vouches for at the time `now`.

    Raises SignatureRefused, and ScriptFault for what is no XML to begin with.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    parse_xml(raw)  # the limits; what follows parses again, since signatures are about prefixes too
    root = etree.fromstring(raw, _parser())
    signature = _only(root)
    signed = _signed(root, _reference(signature))
    certificate = _signer(signature, trust_anchors, now)
    result = _verified(raw, certificate, now)
    name = etree.QName(signed).localname
    if result.signed_xml is None or etree.QName(result.signed_xml).localname != name:
        raise SignatureRefused("The signature is not about the message")
    return Signed(name, bytes(result.signed_data), certificate.public_bytes(Encoding.PEM))


def is_signed(raw: bytes) -> bool:
    """Whether there is a signature to verify; raises ScriptFault for what is no XML.

    What has the name of one in another namespace, or in none, is there to be taken for one: it never verifies.
    """
    return any(_has_its_name(one) for one in parse_xml(raw).iter(etree.Element))


def _has_its_name(element: etree._Element) -> bool:
    return etree.QName(element).localname.lower() == "signature"


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)


def _only(root: etree._Element) -> etree._Element:
    found = [one for one in root.iter(etree.Element) if _has_its_name(one)]
    if len(found) != 1 or found[0].tag != SIGNATURE:
        raise SignatureRefused("There is not exactly one signature, in the namespace of XML signatures")
    if next(found[0].iter(f"{XMLDSIG}Object", f"{XMLDSIG}Manifest"), None) is not None:
        raise SignatureRefused("The signature has contents of its own")
    if next(root.iter(etree.ProcessingInstruction), None) is not None:
        raise SignatureRefused("The signed message has processing instructions")
    return found[0]


def _reference(signature: etree._Element) -> etree._Element:
    references = list(signature.iter(f"{XMLDSIG}Reference"))
    if len(references) != 1:
        raise SignatureRefused("There is not exactly one reference")
    transforms = [one.get("Algorithm", "") for one in references[0].iter(f"{XMLDSIG}Transform")]
    others = [one for one in transforms if one != ENVELOPED]
    if transforms[:1] != [ENVELOPED] or len(others) > 1 or not CANONICAL.issuperset(others):
        raise SignatureRefused("The transforms are not the enveloped signature and one canonical form")
    return references[0]


def _signed(root: etree._Element, reference: etree._Element) -> etree._Element:
    """The element that is signed, at the one place where it is read from."""
    uri = reference.get("URI")
    if uri is None or (uri and not uri.startswith("#")):
        raise SignatureRefused("The reference is not to this message")
    name = uri[1:] if uri else None
    meant = [one for one in root.iter(etree.Element) if any(one.get(key) == name for key in _IDS)] if name else [root]
    if len(meant) != 1:
        raise SignatureRefused("The reference is not to exactly one element")
    signed = meant[0]
    if signed not in _where_it_belongs(root):
        raise SignatureRefused("What is signed is not the message that is read")
    if not any(parent is signed for parent in reference.iterancestors()):
        raise SignatureRefused("The signature is not inside what it signs")
    return signed


def _where_it_belongs(root: etree._Element) -> list[Any]:
    """The message, its one Body and the one transaction in it."""
    if etree.QName(root).localname != "Message":
        return []
    bodies = [one for one in root.iter(etree.Element) if etree.QName(one).localname == "Body"]
    if len(bodies) != 1 or bodies[0].getparent() is not root:
        raise SignatureRefused("There is not exactly one Body, directly in the Message")
    inner = [one for one in bodies[0].iterchildren(etree.Element) if one.tag != SIGNATURE]
    return [root, bodies[0], *(inner if len(inner) == 1 else ())]


def _signer(signature: etree._Element, trust_anchors: Sequence[bytes], now: datetime) -> Any:
    """The certificate that signed, which comes first; an anchor vouches for it, over the others that come along."""
    from cryptography import x509
    from cryptography.x509 import verification

    texts = ["".join((one.text or "").split()) for one in signature.iter(f"{XMLDSIG}X509Certificate")]
    try:
        chain = [x509.load_der_x509_certificate(b64decode(text, validate=True)) for text in texts[:CERTIFICATES_MAX]]
        anchors = verification.Store([one for pem in trust_anchors for one in x509.load_pem_x509_certificates(pem)])
        ours = verification.ExtensionPolicy.permit_all().require_present(
            x509.KeyUsage, verification.Criticality.AGNOSTIC, _may_sign
        )
        authorities = verification.ExtensionPolicy.webpki_defaults_ca()
        builder = verification.PolicyBuilder().store(anchors).time(now)
        builder = builder.extension_policies(ee_policy=ours, ca_policy=authorities)
        return builder.build_client_verifier().verify(chain[0], chain[1:]).chain[0]
    except (verification.VerificationError, ValueError, IndexError) as error:
        raise SignatureRefused("No trust anchor vouches for the certificate") from error


def _may_sign(_policy: Any, _certificate: Any, usage: Any) -> None:
    if not usage.digital_signature:
        raise ValueError("The certificate is not for signatures")


def _verified(raw: bytes, certificate: Any, now: datetime) -> Any:
    from cryptography.exceptions import InvalidSignature as InvalidKey
    from signxml.algorithms import DigestAlgorithm, SignatureMethod
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    configuration = SignatureConfiguration(
        signature_methods=frozenset(SignatureMethod[name] for name in METHODS),
        digest_algorithms=frozenset(DigestAlgorithm[name] for name in DIGESTS),
        verification_time=now,
    )
    try:
        return XMLVerifier().verify(raw, x509_cert=certificate, expect_config=configuration, parser=_parser())
    except (SignXMLException, InvalidKey, etree.LxmlError, ValueError, KeyError) as error:
        raise SignatureRefused(f"The signature does not hold: {type(error).__name__}") from error
