//! Step 4 of a request's walk, parse: a head's field lines. In: their octets, and those of the empty line behind them. Out: where
//! the known fields stand in them, and what they say of the message and its connection. Next: [`super::request`].

use super::field::{Field, FieldLines, FieldValues, Span};
use super::framing::{BodyFraming, Expect, Persistence, Upgrade, parse_connection};
use super::known_field::{KnownField, KnownFields};
use super::limits::Limits;
use super::reject::Reject;
use super::request::Version;
use super::target::is_authority;

/// What a valid field section says, as offsets from its first octet: the same of each head that has the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldSection {
    pub(super) framing: BodyFraming,
    fields: KnownFields,
    pub(super) persistence: Persistence,
    pub(super) expect: Expect,
    pub(super) upgrade: Upgrade,
}

/// Field lines that fit the small table; a browser sends about 15. More cost a second pass with a large table.
const FIELDS_USUAL: usize = 32;

impl FieldSection {
    /// Parses a section that the scanner found to be complete.
    #[inline]
    pub(super) fn parse(octets: &[u8], limits: &Limits, version: Version) -> Result<Self, Reject> {
        let mut fields = KnownFields::NONE;
        parse_fields(octets, limits, &mut fields)?;
        let framing = BodyFraming::parse(octets, &fields, version)?;
        check_host(octets, &fields, version)?;
        let mut section = Self {
            framing,
            fields,
            persistence: Persistence::Reuse,
            expect: Expect::None,
            upgrade: Upgrade::None,
        };
        section.expect = Expect::parse(section.field(octets, KnownField::Expect), version);
        (section.persistence, section.upgrade) = parse_connection(
            section.values(octets, KnownField::Connection),
            section.field(octets, KnownField::Upgrade),
            version,
        );
        Ok(section)
    }

    /// Host's value.
    #[inline]
    pub(super) fn host(&self) -> Span {
        self.fields.span(KnownField::Host)
    }

    /// A field of the section with these octets.
    #[inline]
    pub(super) fn field<'b>(&self, octets: &'b [u8], field: KnownField) -> Field<'b> {
        let span = self.fields.span(field);
        if span.is_absent() {
            Field::Absent
        } else if self.fields.is_repeated(field) {
            Field::Several
        } else {
            Field::One(span.of(octets))
        }
    }

    /// The values of all its lines; a search only if there are several.
    #[inline]
    pub(super) fn values<'b>(&self, octets: &'b [u8], field: KnownField) -> FieldValues<'b> {
        match self.field(octets, field) {
            Field::Absent => FieldValues::known(None),
            Field::One(value) => FieldValues::known(Some(value)),
            Field::Several => FieldValues::walk(FieldLines::new(octets), field.name()),
        }
    }

    pub(super) fn has(&self, field: KnownField) -> bool {
        !self.fields.span(field).is_absent()
    }
}

#[inline]
fn parse_fields(octets: &[u8], limits: &Limits, fields: &mut KnownFields) -> Result<(), Reject> {
    let fields_max = limits.fields_max_capped();
    let mut table = [httparse::EMPTY_HEADER; FIELDS_USUAL];
    match httparse::parse_headers(octets, &mut table[..fields_max.min(FIELDS_USUAL)]) {
        Err(httparse::Error::TooManyHeaders) if fields_max > FIELDS_USUAL => {
            parse_many_fields(octets, fields_max, fields)
        }
        result => index_fields(octets, result, fields),
    }
}

#[cold]
#[inline(never)]
fn parse_many_fields(octets: &[u8], fields_max: usize, fields: &mut KnownFields) -> Result<(), Reject> {
    let mut table = [httparse::EMPTY_HEADER; Limits::FIELDS_CAP as usize];
    let result = httparse::parse_headers(octets, &mut table[..fields_max]);
    index_fields(octets, result, fields)
}

#[inline]
fn index_fields(
    octets: &[u8],
    result: httparse::Result<(usize, &[httparse::Header<'_>])>,
    fields: &mut KnownFields,
) -> Result<(), Reject> {
    let lines = match result {
        // The scanner and httparse must agree on where the head ends, or another message would be read than was scanned.
        Ok(httparse::Status::Complete((length, lines))) if length == octets.len() => lines,
        Ok(_) => return Err(Reject::FieldName),
        Err(httparse::Error::TooManyHeaders) => return Err(Reject::TooManyFields),
        Err(httparse::Error::HeaderValue) => return Err(Reject::FieldValue),
        Err(_) => return Err(Reject::FieldName),
    };
    let base = octets.as_ptr() as usize;
    for line in lines {
        if let Some(field) = KnownField::from_name(line.name.as_bytes()) {
            // httparse's slices point into `octets`, empty ones too.
            let value_start = line.value.as_ptr() as usize - base;
            fields.note(field, Span::new(value_start, value_start + line.value.len()));
        }
    }
    Ok(())
}

/// RFC 9112 section 3.2: exactly one valid Host in HTTP/1.1, also beside an absolute-form target.
#[inline]
fn check_host(octets: &[u8], fields: &KnownFields, version: Version) -> Result<(), Reject> {
    let host = fields.span(KnownField::Host);
    if host.is_absent() {
        return match version {
            Version::Http11 => Err(Reject::HostMissing),
            Version::Http10 => Ok(()),
        };
    }
    if fields.is_repeated(KnownField::Host) {
        return Err(Reject::HostRepeated);
    }
    if !is_authority(host.of(octets)) {
        return Err(Reject::HostInvalid);
    }
    Ok(())
}
