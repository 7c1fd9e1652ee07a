//! A directory of files and the application that serves it.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::StatusCode;
use selvedge_http::files::{Answer, FileOptions, Files};
use selvedge_http::path::SitePath;
use selvedge_http::{Application, Request, Response};
use selvedge_runtime::Worker;

/// A directory of its own, removed when it is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("selvedge-http-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("it is writable");
        std::fs::write(&path, content).expect("it is writable");
        path
    }

    /// Puts a file in the place of another at once (rename(2)).
    pub(crate) fn replace(&self, name: &str, content: impl AsRef<[u8]>) {
        let fresh = self.write(&format!("{name}.new"), content);
        std::fs::rename(fresh, self.0.join(name)).expect("within one directory");
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Serves the files of one root; a redirect is a 301 without a location.
pub(crate) struct Site {
    files: Rc<Files>,
}

thread_local! {
    /// This worker's files, for tests that look at them by a job.
    static FILES: std::cell::RefCell<Option<Rc<Files>>> = const { std::cell::RefCell::new(None) };
}

/// What each worker's application is made of.
pub(crate) fn site(options: FileOptions) -> impl Fn(&Worker) -> Site + Send + Sync + 'static {
    move |_| {
        let files = Files::open(options.clone()).expect("the root is a directory");
        FILES.with(|place| *place.borrow_mut() = Some(Rc::clone(&files)));
        Site { files }
    }
}

/// The worker's open descriptors and remembered paths; to be called on the worker.
pub(crate) fn usage() -> (usize, usize) {
    FILES.with(|files| files.borrow().as_ref().expect("a site is served").usage())
}

impl Application for Site {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut decoded = Vec::new();
        let path = match SitePath::resolve(request.path(), &mut decoded) {
            Ok(path) => path,
            Err(error) => return Response::error(error.status(), error.reason()),
        };
        match self.files.answer(&request, &path).await {
            Answer::Response(response) => response,
            Answer::NeedsSlash => Response::empty(StatusCode::MOVED_PERMANENTLY),
        }
    }
}
