//! Reading a catalog back, whoever wrote it.
//!
//! Nothing is shared with the writer but the object identifiers: this walks the encoding value by
//! value, without recursion, so that what it finds is what is there.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

use crate::oid;

/// What a catalog says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog<'a> {
    /// What tells it from other catalogs.
    pub identifier: &'a [u8],
    /// Its files. One file can be there more than once, by several digests.
    pub members: Vec<Member<'a>>,
    /// Names and texts about the whole, in the catalog's order.
    pub attributes: Vec<(String, String)>,
    /// The trust list itself: what the signature is over.
    pub list: &'a [u8],
    /// Whether there is a signature; whether it is good is another question.
    pub signed: bool,
}

/// One file by one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// What it goes by: the digest itself, in catalogs of the second version.
    pub tag: &'a [u8],
    /// Names and texts about it: `File` and `OSAttr` among them.
    pub attributes: Vec<(String, String)>,
    /// What kind of file it is, where that is said.
    pub kind: Option<Kind>,
    /// The digest that is stated, where one is.
    pub digest: Option<&'a [u8]>,
}

/// What kind of file a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PE image: the digest is the Authenticode digest.
    Image,
    /// Any file: the digest is over all its bytes.
    Flat,
}

/// Why a file is no catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Its encoding is broken, or something is missing.
    #[error("not a catalog: {what} cannot be read ({source})")]
    Encoding {
        /// What was being read.
        what: &'static str,
        /// What the decoder says.
        source: der::Error,
    },
    /// It says to be something else.
    #[error("not a catalog: {what} is {found}")]
    Other {
        /// Which object identifier.
        what: &'static str,
        /// What it is.
        found: ObjectIdentifier,
    },
    /// A value is of another type than it must be.
    #[error("not a catalog: {what} has the tag {found}")]
    Type {
        /// Which value.
        what: &'static str,
        /// Its tag.
        found: Tag,
    },
    /// A text is not UTF-16.
    #[error("not a catalog: {what} is not text")]
    Text {
        /// Which.
        what: &'static str,
    },
}

type Result<T> = std::result::Result<T, ReadError>;

impl Member<'_> {
    /// The text of one of its names.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, text)| text.as_str())
    }

    /// The file's name, as `File` says it.
    pub fn file(&self) -> Option<&str> {
        self.attribute("File")
    }
}

/// Reads a catalog, signed or not, of the second version or the first.
pub fn read(file: &[u8]) -> Result<Catalog<'_>> {
    let whole =
        AnyRef::from_der(file).map_err(|source| ReadError::Encoding { what: "it", source })?;
    let mut message = Values::within(whole, Tag::Sequence, "the message")?;
    message.expect_oid(oid::SIGNED_DATA, "the message's type")?;
    let mut data = message.unwrapped("the signed data")?;
    data.next()?; // version
    data.next()?; // digest algorithms
    let mut content = Values::within(data.next()?, Tag::Sequence, "the content")?;
    content.expect_oid(oid::CTL, "the content's type")?;
    let wrapped = content.next()?;
    let mut signed = false;
    while let Some(part) = data.next_if_any()? {
        signed |= part.tag() == Tag::Set && !part.value().is_empty();
    }
    let mut catalog = read_list(wrapped.value())?;
    catalog.signed = signed;
    Ok(catalog)
}

/// Reads a trust list alone, as it is before it is signed.
pub fn read_list(list: &[u8]) -> Result<Catalog<'_>> {
    let whole = AnyRef::from_der(list)
        .map_err(|source| ReadError::Encoding { what: "the trust list", source })?;
    let mut values = Values::within(whole, Tag::Sequence, "the trust list")?;
    let mut usage = Values::within(values.next()?, Tag::Sequence, "the list's usage")?;
    usage.expect_oid(oid::CATALOG_LIST, "the list's usage")?;

    let mut catalog = Catalog {
        identifier: &[],
        members: Vec::new(),
        attributes: Vec::new(),
        list,
        signed: false,
    };
    let mut sequences = 0;
    while let Some(value) = values.next_if_any()? {
        match value.tag() {
            Tag::OctetString => catalog.identifier = value.value(),
            Tag::Sequence => {
                sequences += 1;
                // The first is the members' algorithm.
                if sequences == 2 {
                    catalog.members = each(value, "the members", member)?;
                }
            }
            Tag::ContextSpecific { .. } => {
                let inner = Values::new(value.value(), "the list's extensions")?.next()?;
                catalog.attributes = each(inner, "the list's extensions", extension)?
                    .into_iter()
                    .flatten()
                    .collect();
            }
            // A sequence number, times.
            _ => {}
        }
    }
    Ok(catalog)
}

fn member(value: AnyRef<'_>) -> Result<Member<'_>> {
    let mut values = Values::within(value, Tag::Sequence, "a member")?;
    let tag = values.next_of(Tag::OctetString)?.value();
    let mut member = Member { tag, attributes: Vec::new(), kind: None, digest: None };
    let Some(attributes) = values.next_if_any()? else { return Ok(member) };
    let mut attributes = Values::within(attributes, Tag::Set, "a member's attributes")?;
    while let Some(attribute) = attributes.next_if_any()? {
        let mut attribute = Values::within(attribute, Tag::Sequence, "an attribute")?;
        let kind = attribute.next_oid()?;
        let mut set = Values::within(attribute.next()?, Tag::Set, "an attribute's values")?;
        while let Some(value) = set.next_if_any()? {
            if kind == oid::NAME_VALUE {
                member.attributes.push(name_value(value)?);
            } else if kind == oid::INDIRECT_DATA {
                let (kind, digest) = statement(value)?;
                member.kind = kind;
                member.digest = Some(digest);
            }
        }
    }
    Ok(member)
}

/// The kind of file and the digest of an `SpcIndirectDataContent`.
fn statement(value: AnyRef<'_>) -> Result<(Option<Kind>, &[u8])> {
    const WHAT: &str = "a member's digest";
    let mut values = Values::within(value, Tag::Sequence, WHAT)?;
    let mut data = Values::within(values.next()?, Tag::Sequence, WHAT)?;
    let kind = match data.next_oid()? {
        oid::PE_IMAGE_DATA => Some(Kind::Image),
        oid::CAB_DATA => Some(Kind::Flat),
        _ => None,
    };
    let mut digest = Values::within(values.next()?, Tag::Sequence, WHAT)?;
    digest.next()?; // algorithm
    Ok((kind, digest.next_of(Tag::OctetString)?.value()))
}

fn extension(value: AnyRef<'_>) -> Result<Option<(String, String)>> {
    const WHAT: &str = "an extension of the list";
    let mut values = Values::within(value, Tag::Sequence, WHAT)?;
    if values.next_oid()? != oid::NAME_VALUE {
        return Ok(None);
    }
    let mut content = values.next()?;
    if content.tag() == Tag::Boolean {
        content = values.next()?;
    }
    let inner = Values::new(content.value(), WHAT)?.next()?;
    name_value(inner).map(Some)
}

fn name_value(value: AnyRef<'_>) -> Result<(String, String)> {
    let mut values = Values::within(value, Tag::Sequence, "a name with a text")?;
    let name = values.next_of(Tag::BmpString)?.value();
    values.next()?; // flags
    let text = values.next_of(Tag::OctetString)?.value();
    let name = utf16(name, u16::from_be_bytes, "a name")?;
    let mut text = utf16(text, u16::from_le_bytes, "a text")?;
    if text.ends_with('\0') {
        text.pop();
    }
    Ok((name, text))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, what: &'static str) -> Result<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
    text.ok_or(ReadError::Text { what })
}

/// Reads each value of a SEQUENCE.
fn each<'a, T>(
    value: AnyRef<'a>,
    what: &'static str,
    read: fn(AnyRef<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut values = Values::within(value, Tag::Sequence, what)?;
    let mut found = Vec::new();
    while let Some(value) = values.next_if_any()? {
        found.push(read(value)?);
    }
    Ok(found)
}

/// Values one after another.
struct Values<'a> {
    reader: SliceReader<'a>,
    what: &'static str,
}

impl<'a> Values<'a> {
    fn new(bytes: &'a [u8], what: &'static str) -> Result<Self> {
        let reader =
            SliceReader::new(bytes).map_err(|source| ReadError::Encoding { what, source })?;
        Ok(Self { reader, what })
    }

    /// The values in `value`, which must have this tag.
    fn within(value: AnyRef<'a>, tag: Tag, what: &'static str) -> Result<Self> {
        if value.tag() == tag {
            Self::new(value.value(), what)
        } else {
            Err(ReadError::Type { what, found: value.tag() })
        }
    }

    fn next(&mut self) -> Result<AnyRef<'a>> {
        let what = self.what;
        self.reader.decode().map_err(|source| ReadError::Encoding { what, source })
    }

    fn next_if_any(&mut self) -> Result<Option<AnyRef<'a>>> {
        if self.reader.is_finished() { Ok(None) } else { self.next().map(Some) }
    }

    fn next_of(&mut self, tag: Tag) -> Result<AnyRef<'a>> {
        let value = self.next()?;
        if value.tag() == tag {
            Ok(value)
        } else {
            Err(ReadError::Type { what: self.what, found: value.tag() })
        }
    }

    fn next_oid(&mut self) -> Result<ObjectIdentifier> {
        let what = self.what;
        self.reader.decode().map_err(|source| ReadError::Encoding { what, source })
    }

    fn expect_oid(&mut self, expected: ObjectIdentifier, what: &'static str) -> Result<()> {
        let found = self.next_oid()?;
        if found == expected { Ok(()) } else { Err(ReadError::Other { what, found }) }
    }

    /// The values in a SEQUENCE in an explicit tag.
    fn unwrapped(&mut self, what: &'static str) -> Result<Self> {
        let inner = Self::new(self.next()?.value(), what)?.next()?;
        Self::within(inner, Tag::Sequence, what)
    }
}
