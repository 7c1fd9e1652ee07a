//! A reply held against what is allowed.

use super::oracle::{Answer, Content};
use super::ranges::{self, Asked};
use crate::reply::Reply;

/// Says what is wrong with a reply.
pub(super) fn check(reply: &Reply, answer: &Answer) -> Result<(), String> {
    let status = reply.status;
    if !answer.statuses.contains(&status) {
        return Err(format!("the status is {status}"));
    }
    match (&answer.content, status) {
        (Content::File(version, _), 200) => {
            let content = &version.file.content;
            expect_field(reply, "content-length", &content.len().to_string())?;
            expect_field(reply, "etag", &version.entity_tag)?;
            expect_field(reply, "last-modified", &version.last_modified)?;
            match answer.is_head || reply.body == *content {
                true => Ok(()),
                false => Err("the content is another one than the file's".to_owned()),
            }
        }
        (Content::File(version, Asked::Parts(parts)), 206) => {
            expect_field(reply, "etag", &version.entity_tag)?;
            let (content_type, content_range) = (reply.field("content-type")?, reply.field("content-range")?);
            ranges::check(content_type, content_range, &reply.body, parts, &version.file.content)
        }
        (Content::File(version, _), 304) => expect_field(reply, "etag", &version.entity_tag),
        (Content::File(version, _), 416) => {
            expect_field(reply, "content-range", &format!("bytes */{}", version.file.content.len()))
        }
        (Content::Location(location), 301) => expect_field(reply, "location", location),
        _ => Ok(()),
    }
}

fn expect_field(reply: &Reply, name: &str, expected: &str) -> Result<(), String> {
    match reply.field(name)? {
        Some(value) if value == expected => Ok(()),
        other => Err(format!("{name} is {other:?}, not {expected:?}")),
    }
}
