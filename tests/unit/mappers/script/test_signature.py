"""N4: signatures of controlled prescriptions, and how they are attacked."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache

import pytest
import trustme
from lxml import etree
from signxml import methods
from signxml.signer import XMLSigner

from mappers.script.faults import ScriptFault
from mappers.script.message import read
from mappers.script.signature import SignatureRefused, is_signed, verify_signature
from tests.unit.mappers.script.messages import a_new_rx

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DS = "{http://www.w3.org/2000/09/xmldsig#}"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def certificate() -> trustme.LeafCert:
    return authority().issue_cert("signer@clinic.example")


def anchors() -> list[bytes]:
    return [authority().cert_pem.bytes()]


def signer(algorithm: str = "ecdsa-sha256", digest: str = "sha256", canonical: str = EXCLUSIVE) -> XMLSigner:
    return XMLSigner(
        method=methods.enveloped, signature_algorithm=algorithm, digest_algorithm=digest, c14n_algorithm=canonical
    )


def signed(raw: bytes = b"", reference: str | None = None) -> bytes:
    root = etree.fromstring(raw or a_new_rx())
    chain = "".join(pem.bytes().decode() for pem in certificate().cert_chain_pems)
    key = certificate().private_key_pem.bytes()
    return etree.tostring(signer().sign(root, key=key, cert=chain, reference_uri=reference))


def changed(change: Callable[[etree._Element], None], raw: bytes = b"") -> bytes:
    root = etree.fromstring(raw or signed())
    change(root)
    return etree.tostring(root)


def signature_of(root: etree._Element) -> etree._Element:
    found = next(root.iter(f"{DS}Signature"))
    assert found is not None
    return found


def test_a_signed_message_is_the_evidence_of_itself() -> None:
    found = verify_signature(signed(), anchors(), NOW)
    assert found.place == "Message"
    assert found.canonical == etree.tostring(etree.fromstring(a_new_rx()), method="c14n", exclusive=True)
    assert found.certificate == certificate().cert_chain_pems[0].bytes()


def test_a_signed_body_is_found_at_its_place() -> None:
    raw = a_new_rx().replace(b"<Body>", b'<Body Id="b">')
    root = etree.fromstring(raw)
    place = etree.SubElement(root.find("Body"), f"{DS}Signature", Id="placeholder")  # type: ignore[arg-type]
    assert place is not None
    raw = signed(etree.tostring(root), "b")
    assert verify_signature(raw, anchors(), NOW).place == "Body"
    assert read(raw).body == read(a_new_rx()).body


def tampered(root: etree._Element) -> None:
    found = root.find(".//DrugDescription")
    assert found is not None
    found.text = "Something stronger"


def without_value(root: etree._Element) -> None:
    value = signature_of(root).find(f"{DS}SignatureValue")
    assert value is not None
    value.text = "AAAA" + (value.text or "")[4:]


def doubled(root: etree._Element) -> None:
    root.append(deepcopy(signature_of(root)))


def wrapped(root: etree._Element) -> None:
    """The signed message hangs somewhere in another one, whose body is read."""
    original = deepcopy(root)
    root.append(original)
    for child in list(root)[:-1]:
        root.remove(child)
    fake = deepcopy(original)
    fake.remove(signature_of(fake))
    tampered(fake)
    for child in fake:
        root.append(child)


def second_body(root: etree._Element) -> None:
    body = root.find("Body")
    assert body is not None
    fake = deepcopy(body)
    tampered(fake)
    root.insert(0, fake)


def with_object(root: etree._Element) -> None:
    etree.SubElement(signature_of(root), f"{DS}Object").append(deepcopy(root[1]))


def transform(root: etree._Element) -> None:
    next(root.iter(f"{DS}Transform")).set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")


def transform_of_comments(root: etree._Element) -> None:
    list(root.iter(f"{DS}Transform"))[1].set("Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments")


def second_reference(root: etree._Element) -> None:
    reference = next(root.iter(f"{DS}Reference"))
    parent = reference.getparent()
    assert parent is not None
    parent.append(deepcopy(reference))


def elsewhere(root: etree._Element) -> None:
    next(root.iter(f"{DS}Reference")).set("URI", "http://127.0.0.1:9/prescription.xml")


def nobody(root: etree._Element) -> None:
    next(root.iter(f"{DS}Reference")).set("URI", "#nobody")


def sha1_digest(root: etree._Element) -> None:
    next(root.iter(f"{DS}DigestMethod")).set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")


def sha1_signature(root: etree._Element) -> None:
    next(root.iter(f"{DS}SignatureMethod")).set("Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1")


def hmac(root: etree._Element) -> None:
    next(root.iter(f"{DS}SignatureMethod")).set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")


def without_certificate(root: etree._Element) -> None:
    data = next(root.iter(f"{DS}X509Data"))
    for child in list(data):
        data.remove(child)


def instruction(root: etree._Element) -> None:
    root.append(etree.ProcessingInstruction("x", "y"))


ATTACKS = {
    tampered: "does not hold: InvalidDigest",
    without_value: "does not hold: InvalidSignature",
    doubled: "exactly one signature",
    wrapped: "exactly one Body",
    second_body: "exactly one Body",
    with_object: "contents of its own",
    transform: "transforms",
    transform_of_comments: "transforms",
    second_reference: "exactly one reference",
    elsewhere: "not to this message",
    nobody: "exactly one element",
    sha1_digest: "does not hold",
    sha1_signature: "does not hold: InvalidInput",
    hmac: "does not hold: InvalidInput",
    without_certificate: "trust anchor",
    instruction: "processing instructions",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused(attack: Callable[[etree._Element], None]) -> None:
    with pytest.raises(SignatureRefused, match=ATTACKS[attack]):
        verify_signature(changed(attack), anchors(), NOW)


def test_a_body_that_is_signed_and_moved_away_is_refused() -> None:
    """The signed body keeps its id, and another stands where it stood."""
    raw = a_new_rx().replace(b"<Body>", b'<Body Id="b">')
    root = etree.fromstring(signed(raw, "b"))
    body = root.find("Body")
    assert body is not None
    fake = deepcopy(body)
    del fake.attrib["Id"]
    tampered(fake)
    root.append(fake)
    etree.SubElement(root.find("Header"), "Extra").append(body)  # type: ignore[arg-type]
    with pytest.raises(SignatureRefused):
        verify_signature(etree.tostring(root), anchors(), NOW)


def test_an_id_that_two_elements_have_is_refused() -> None:
    raw = a_new_rx().replace(b"<Body>", b'<Body Id="b">').replace(b"<Header>", b'<Header ID="b">')
    with pytest.raises(SignatureRefused, match="exactly one element"):
        verify_signature(
            signed(raw.replace(b' ID="b"', b""), "b").replace(b"<Header>", b'<Header ID="b">'), anchors(), NOW
        )


def test_a_part_of_the_message_is_not_enough() -> None:
    raw = a_new_rx().replace(b"<Patient>", b'<Patient Id="p">')
    with pytest.raises(SignatureRefused, match="not the message that is read"):
        verify_signature(signed(raw, "p"), anchors(), NOW)


def test_a_signer_nobody_vouches_for_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="trust anchor"):
        verify_signature(signed(), [trustme.CA().cert_pem.bytes()], NOW)
    with pytest.raises(SignatureRefused, match="trust anchor"):
        verify_signature(signed(), [], NOW)


def test_a_certificate_is_good_only_in_its_time() -> None:
    short = authority().issue_cert("short@clinic.example", not_after=datetime(2026, 1, 1, tzinfo=UTC))
    chain = "".join(pem.bytes().decode() for pem in short.cert_chain_pems)
    root = etree.fromstring(a_new_rx())
    raw = etree.tostring(signer().sign(root, key=short.private_key_pem.bytes(), cert=chain))
    assert verify_signature(raw, anchors(), datetime(2025, 12, 31, tzinfo=UTC)).place == "Message"
    with pytest.raises(SignatureRefused, match="trust anchor"):
        verify_signature(raw, anchors(), NOW)


def test_a_message_without_a_signature_is_refused_and_known_as_such() -> None:
    assert not is_signed(a_new_rx())
    assert is_signed(signed())
    with pytest.raises(SignatureRefused, match="exactly one signature"):
        verify_signature(a_new_rx(), anchors(), NOW)


def test_a_signature_does_not_excuse_a_doctype() -> None:
    with pytest.raises(ScriptFault, match="DOCTYPE"):
        verify_signature(b"<!DOCTYPE Message>" + signed(), anchors(), NOW)


def test_the_prefix_of_a_signature_does_not_matter() -> None:
    raw = signed()
    assert b"<ds:Signature" in raw
    root = etree.fromstring(a_new_rx())
    leaf = certificate()
    made = signer()
    made.namespaces = {None: "http://www.w3.org/2000/09/xmldsig#"}
    chain = "".join(pem.bytes().decode() for pem in leaf.cert_chain_pems)
    bare = etree.tostring(made.sign(root, key=leaf.private_key_pem.bytes(), cert=chain))
    assert b"<Signature" in bare
    for one in (raw, bare):
        assert is_signed(one)
        assert verify_signature(one, anchors(), NOW).place == "Message"


@pytest.mark.parametrize(
    "lookalike",
    [
        "<Signature/>",
        "<signature/>",
        '<Signature xmlns="urn:other"/>',
        '<x:Signature xmlns:x="http://www.w3.org/2000/09/xmldsig"/>',
    ],
)
@pytest.mark.parametrize("raw", [a_new_rx(), None], ids=["alone", "beside another"])
def test_what_only_looks_like_a_signature_is_one_that_does_not_hold(lookalike: str, raw: bytes | None) -> None:
    attacked = (raw or signed()).replace(b"<Header>", f"<Header>{lookalike}".encode(), 1)
    assert is_signed(attacked)
    with pytest.raises(SignatureRefused, match="exactly one signature"):
        verify_signature(attacked, anchors(), NOW)
