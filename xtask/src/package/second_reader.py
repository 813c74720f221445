"""What the Python package signify says of a driver package, as JSON.

Usage: second_reader.py FOLDER NAME.cat NAME.cer IMAGE... -- FLAT...
"""

import json
import pathlib
import sys

from signify.authenticode import CertificateTrustList
from signify.authenticode.signed_file import FlatFile, SignedPEFile
from signify.exceptions import SignifyError
from signify.x509 import Certificate, CertificateStore


def verdict(verify):
    """None where nothing is wrong, else what is."""
    try:
        return None if list(verify()) else "nothing verified"
    except SignifyError as error:
        return f"{type(error).__name__}: {error}"


def member(subject):
    """A member: its tag, its stated digest, the names with their texts."""
    names = {}
    for attribute in subject.asn1["subject_attributes"]:
        if attribute["type"].native == "microsoft_cat_namevalue":
            for value in attribute["values"].native:
                names[value["refname"]] = value["value"]
    stated = subject.indirect_data
    return {
        "tag": subject.identifier.hex(),
        "digest": stated.digest.hex() if stated else None,
        "names": names,
    }


def main(folder, catalog, certificate, *files):
    folder = pathlib.Path(folder)
    anchor = Certificate.from_der((folder / certificate).read_bytes())
    trust = {"trusted_certificate_store": CertificateStore([anchor], trusted=True)}
    catalog = CertificateTrustList.from_envelope((folder / catalog).read_bytes())
    verdicts = {"catalog": verdict(lambda: catalog.verify(**trust))}
    kind = SignedPEFile
    for name in files:
        if name == "--":
            kind = FlatFile
            continue
        with open(folder / name, "rb") as content:
            file = kind(content)
            file.add_catalog(catalog)
            places = ("embedded", "catalog") if kind is SignedPEFile else ("catalog",)
            for where in places:
                verdicts[f"{name} {where}"] = verdict(
                    lambda: file.verify(signature_types=where, **trust)
                )
    json.dump(
        {
            "is_catalog": catalog.is_catalog,
            "identifier": catalog.list_identifier.hex(),
            "members": [member(subject) for subject in catalog.subjects],
            "verdicts": verdicts,
        },
        sys.stdout,
    )


main(*sys.argv[1:])
