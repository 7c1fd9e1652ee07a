//! Several parts of one file in one answer. In: a head, ranges, where the file's octets are. Out: multipart/byteranges.
//!
//! Parts from memory are gathered with what stands between them; those of a streamed file go as single parts do, each
//! after its own head.

use http::header;
use selvedge_runtime::BlockClass;

use super::Connection;
use super::answer::{Framing, HEAD_BYTES_USUAL, Transfer, has_body};
use crate::multipart_ranges::{Boundary, FRAMING_BYTES_MAX, MultipartRanges};
use crate::record::CloseReason;
use crate::response::{FileContent, FilePart, FileParts, ResponseHead};
use crate::shared::Shared;

impl Connection {
    /// Answers with all parts. The media type of the head becomes that of each part.
    pub(super) async fn answer_parts<A>(
        &mut self,
        shared: &Shared<A>,
        mut head: ResponseHead,
        parts: &FileParts,
        framing: Framing,
    ) -> Result<(), CloseReason> {
        let boundary = Boundary::new(selvedge_runtime::random_bits());
        let multipart = MultipartRanges::new(boundary, head.content_type.take(), &parts.ranges);
        let length = multipart.body_bytes().map_err(|_| CloseReason::InvalidResponse)?;
        head.fields.push((header::CONTENT_TYPE, multipart.content_type()));
        if let FileContent::Ready(..) = parts.content {
            // In one block and one send, if it fits: it does unless other answers wait in the block.
            let room = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(HEAD_BYTES_USUAL);
            self.make_room(shared, room.min(BlockClass::Large.bytes())).await?;
        }
        self.answer_head(shared, &head, Transfer::Length(length), framing).await?;
        if !has_body(&head, framing) {
            return Ok(());
        }
        let mut turn_bytes = 0;
        for (number, &range) in parts.ranges.iter().enumerate() {
            self.gather_framing(shared, &multipart, number).await?;
            match &parts.content {
                FileContent::Ready(block, body_start) => {
                    let octets = &block[*body_start as usize..][range.start as usize..][..range.len as usize];
                    self.gather(shared, octets.len(), |room| {
                        room[..octets.len()].copy_from_slice(octets);
                        octets.len()
                    })
                    .await?;
                }
                FileContent::Shared(bytes) => {
                    let octets = bytes.slice(range.start as usize..(range.start + range.len) as usize);
                    self.answer_chunk(shared, octets.into()).await?;
                }
                FileContent::Streamed(file) => {
                    let part = FilePart { file: file.clone(), start: range.start, length: range.len };
                    self.answer_file(shared, &part, &mut turn_bytes).await?;
                }
            }
        }
        self.gather_framing(shared, &multipart, parts.ranges.len()).await
    }

    async fn gather_framing<A>(
        &mut self,
        shared: &Shared<A>,
        multipart: &MultipartRanges<'_>,
        part: usize,
    ) -> Result<(), CloseReason> {
        let write =
            |room: &mut [u8]| multipart.write_framing(part, room).expect("its length was reckoned before");
        self.gather(shared, FRAMING_BYTES_MAX, write).await
    }
}
