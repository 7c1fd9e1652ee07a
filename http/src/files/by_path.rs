//! Step 6 of a request's walk where a handler names a file instead of opening it. In: a response that names a path of the
//! machine. Out: the answer that is there, with conditions and ranges as the request has them.

use std::cell::OnceCell;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use http::{StatusCode, header};
use selvedge_runtime::BlockLimits;

use super::{Answer, FileOptions, Files, Precompressed, SymlinkPolicy, Target, TreeOptions};
use crate::fixed_fields::FixedFields;
use crate::path::SitePath;
use crate::request::Request;
use crate::response::{Response, ResponseHead};

/// Paths remembered per worker.
const ENTRIES_MAX: usize = 1_024;

/// A worker's files of the whole machine, opened with the first that is named. It remembers and re-checks them as those
/// below a root.
#[derive(Debug, Default)]
pub(crate) struct MachineFiles(OnceCell<Option<Rc<Files>>>);

impl MachineFiles {
    /// The answer with the file at `path`: as `head` has its status, 200 for what the request makes of it, another one for
    /// the page of an error. 404 where there is no such file.
    pub(crate) async fn answer(&self, request: &Request<'_>, path: &Path, head: ResponseHead) -> Response {
        let failed = || Response::error(StatusCode::INTERNAL_SERVER_ERROR, "");
        let path = match path.is_absolute() {
            true => path.to_path_buf(),
            false => std::env::current_dir().unwrap_or_default().join(path),
        };
        let relative: Vec<u8> =
            path.components().skip(1).map(|name| name.as_os_str().as_bytes()).collect::<Vec<_>>().join(&b'/');
        // `..` was not taken out: what it leads to depends on links.
        let Some(site_path) = SitePath::decoded(&relative) else {
            selvedge_runtime::report("file", || {
                format!("{path:?} is answered with 500: a path without `..` is needed")
            });
            return failed();
        };
        let Some(files) = self.0.get_or_init(open) else { return failed() };
        let status = head.status;
        let mut map = head.to_header_map();
        let content_type = map.remove(header::CONTENT_TYPE);
        let Ok(fields) = FixedFields::new(map.iter()) else { return failed() };
        let target = Target { tree: 0, path: &site_path, fields: &fields };
        let answer = match status {
            StatusCode::OK => files.answer(request, target).await,
            status => files.page(request, target, status).await,
        };
        match answer {
            Answer::File(mut response) => {
                if let Some(content_type) = content_type {
                    response.set_field(header::CONTENT_TYPE, content_type);
                }
                response
            }
            Answer::Refused(response) => response,
            Answer::NeedsSlash | Answer::NeedsNoSlash | Answer::Directory | Answer::Missing => {
                Response::error(StatusCode::NOT_FOUND, "")
            }
        }
    }
}

fn open() -> Option<Rc<Files>> {
    let tree = TreeOptions {
        index: Vec::new(),
        symlinks: SymlinkPolicy::All,
        precompressed: Precompressed::Off,
        ..TreeOptions::new(Path::new("/"))
    };
    let blocks = BlockLimits::default();
    let options = FileOptions {
        trees: vec![tree],
        entries_max: ENTRIES_MAX,
        // Those of a root of its own may take three quarters.
        ready_small_max: blocks.small / 8,
        ready_medium_max: blocks.medium / 8,
        ready_large_max: blocks.large / 8,
        ..FileOptions::new(Path::new("/"))
    };
    match Files::open(options) {
        Ok(files) => Some(files),
        Err(error) => {
            selvedge_runtime::report("file", || {
                format!("files are answered with 500: `/` cannot be opened: {error}")
            });
            None
        }
    }
}
