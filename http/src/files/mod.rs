//! Step 6 of a request's walk, handler: answers from files, found beneath a root, kept ready in memory, looked at again when they may have changed.
//!
//! In: a path relative to the root, and a request. Out: a response the engine sends. A hit that is fresh makes no system
//! call; after its period a hit is checked again *by path*, so that a renamed file, a switched link or a replaced root is
//! followed. In order: this file, `tree` (what is at a path), `resource` (which form of it), `entry` (its answer),
//! `respond` (what the request makes of it).

mod by_path;
mod denied_roots;
mod derive;
mod derived;
mod directory;
mod entry;
mod field_rules;
mod locate;
mod looks;
mod memory;
mod options;
mod resource;
mod respond;
mod root;
mod serve;
mod shares;
mod tree;

pub(crate) use by_path::MachineFiles;
pub use denied_roots::DeniedRoots;
pub use derived::DerivedStore;
pub use directory::{Directory, Listable};
pub use field_rules::{FieldRule, FieldRules, FilePattern, RuleAnswers};
pub use options::{
    CleanUrls, Compression, FileOptions, LANGUAGE_BYTES_MAX, LANGUAGES_MAX, Precompressed, SymlinkPolicy,
    TagSource, TreeOptions,
};
pub use serve::{NotFound, ServeFiles, serve_files};

use std::cell::RefCell;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::{Rc, Weak};
use std::time::Duration;

use http::StatusCode;
use selvedge_runtime::{Moment, Turns, spawn_detached, timer};

use crate::clock::Clock;
use crate::fixed_fields::FixedFields;
use crate::path::SitePath;
use crate::request::Request;
use crate::response::Response;
use locate::Refused;
use memory::Found;
use resource::{Chosen, Representation, Resource};
use respond::{NoAnswer, Responded, Wish};
pub(crate) use shares::Share;
use shares::Shares;
use tree::{Loaded, Tree};

/// How often descriptors that nobody uses and roots that nobody asks for are looked at: at the longest and the shortest.
const HOUSEKEEPING_PERIODS: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(100)];
/// Looks at the disk under way: each holds up to two descriptors.
const LOOKS_AT_ONCE_MAX: usize = 16;
/// Looks at a file that changes between a look and its opening, and at one that may have been refused for the root alone;
/// then it is an error.
const LOOKS_MAX: usize = 3;

/// The files of one or several roots, as one worker knows them.
///
/// ```
/// use selvedge_http::files::{Answer, FileOptions, Files};
/// use selvedge_http::path::SitePath;
/// use selvedge_http::{Request, Response, StatusCode, testing};
///
/// async fn find(files: &Files, request: Request<'_>) -> Response {
///     let mut decoded = Vec::new();
///     let path = match SitePath::resolve(request.path(), &mut decoded) {
///         Ok(path) => path,
///         Err(error) => return Response::error(error.status(), error.reason()),
///     };
///     match files.answer(&request, &path).await {
///         Answer::File(response) | Answer::Refused(response) => response,
///         _ => Response::error(StatusCode::NOT_FOUND, ""),
///     }
/// }
///
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-files-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// # let directory = root.clone();
/// std::fs::write(root.join("page.txt"), "a page")?;
/// let site = || {
///     let files = Files::open(FileOptions::new(root)).expect("the root is there");
///     async move |request: Request<'_>| find(&files, request).await
/// };
/// testing::run(site, async |client| {
///     client.get("/page.txt").send().await.assert_text("a page").await;
///     client.get("/no-page.txt").send().await.assert_status(404);
/// });
/// # std::fs::remove_dir_all(directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Files {
    options: FileOptions,
    trees: Vec<Tree>,
    rules: FieldRules,
    shares: Rc<Shares>,
    look_turns: Turns,
    clock: RefCell<Clock>,
}

/// A path in one of the trees.
///
/// ```
/// # use selvedge_http::files::{FileOptions, TreeOptions};
/// use selvedge_http::files::{Answer, Files, Target};
/// use selvedge_http::path::SitePath;
/// use selvedge_http::{FixedFields, Request, Response, StatusCode, testing};
///
/// // The documentation is the second of the trees, below `/docs/`.
/// async fn docs(files: &Files, request: Request<'_>, path: SitePath<'_>) -> Response {
///     let Some(path) = path.below(b"docs") else { return Response::error(StatusCode::NOT_FOUND, "") };
///     let target = Target { tree: 1, path: &path, fields: &FixedFields::NONE };
///     match files.answer(&request, target).await {
///         Answer::File(response) | Answer::Refused(response) => response,
///         _ => Response::error(StatusCode::NOT_FOUND, ""),
///     }
/// }
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-target-{}", std::process::id()));
/// # std::fs::create_dir_all(root.join("pages"))?;
/// # std::fs::create_dir_all(root.join("manual"))?;
/// # std::fs::write(root.join("manual/a.txt"), "the manual")?;
/// # let there = root.clone();
/// # let site = move || {
/// #     let mut options = FileOptions::new(there.join("pages"));
/// #     options.trees.push(TreeOptions::new(there.join("manual")));
/// #     let files = Files::open(options).expect("the roots are there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         docs(&files, request, path).await
/// #     }
/// # };
///
/// // `site` is an application that answers so.
/// testing::run(site, async |client| {
///     client.get("/docs/a.txt").send().await.assert_text("the manual").await;
///     client.get("/a.txt").send().await.assert_status(404);
/// });
/// # std::fs::remove_dir_all(root)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The tree's place in [`FileOptions::trees`].
    pub tree: usize,
    /// The path relative to its root.
    pub path: &'a SitePath<'a>,
    /// Fields that this request's answer has besides those of the rules.
    pub fields: &'a FixedFields,
}

impl<'a> From<&'a SitePath<'a>> for Target<'a> {
    fn from(path: &'a SitePath<'a>) -> Self {
        Self { tree: 0, path, fields: const { &FixedFields::NONE } }
    }
}

/// What is to be answered for a path.
///
/// ```
/// # use selvedge_http::files::FileOptions;
/// use selvedge_http::files::{Answer, Files};
/// use selvedge_http::path::{SitePath, TrailingSlash};
/// use selvedge_http::{Request, Response, StatusCode, testing};
///
/// async fn page(files: &Files, request: Request<'_>, path: SitePath<'_>) -> Response {
///     let slash = match files.answer(&request, &path).await {
///         Answer::File(response) | Answer::Refused(response) => return response,
///         Answer::NeedsSlash => TrailingSlash::Present,
///         Answer::NeedsNoSlash => TrailingSlash::Absent,
///         Answer::Directory | Answer::Missing => return Response::error(StatusCode::NOT_FOUND, ""),
///     };
///     let mut location = Vec::new();
///     match path.redirect_location(slash, request.query(), &mut location) {
///         Ok(()) => Response::redirect(StatusCode::MOVED_PERMANENTLY, location),
///         Err(_) => Response::error(StatusCode::BAD_REQUEST, ""),
///     }
/// }
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-answer-{}", std::process::id()));
/// # std::fs::create_dir_all(root.join("a"))?;
/// # std::fs::create_dir_all(root.join("b"))?;
/// # std::fs::write(root.join("a/index.html"), "<p>a page")?;
/// # let there = root.clone();
/// # let site = move || {
/// #     let files = Files::open(FileOptions::new(there)).expect("the root is there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         page(&files, request, path).await
/// #     }
/// # };
///
/// // `site` is an application that answers so.
/// testing::run(site, async |client| {
///     client.get("/a/").send().await.assert_text("<p>a page").await;
///     client.get("/a?b=c").send().await.assert_status(301).assert_header("location", "/a/?b=c");
///     client.get("/a/index.html/").send().await.assert_header("location", "/a/index.html");
///     client.get("/b/").send().await.assert_status(404);
/// });
/// # std::fs::remove_dir_all(root)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub enum Answer {
    /// A file, with the fields that the rules say: 200, 206 or 304.
    File(Response),
    /// There is a file, but this request does not get it: 403, 406, 412, 416, 500 or 503.
    Refused(Response),
    /// A directory without its slash: a redirect to it with one.
    NeedsSlash,
    /// A file with a slash: a redirect to it without.
    NeedsNoSlash,
    /// A directory that no index file answers for.
    Directory,
    /// Nothing is there: 404.
    Missing,
}

impl Files {
    /// Opens the roots for the current worker; waits for the disk if it must.
    ///
    /// # Errors
    /// Those of open(2); `InvalidInput` when a rule is about a field that the engine owns.
    ///
    /// # Panics
    /// Outside a worker, and without a tree.
    pub fn open(options: FileOptions) -> io::Result<Rc<Self>> {
        assert!(!options.trees.is_empty(), "files come from somewhere");
        let trees = options.trees.iter().map(|tree| Tree::open(tree.clone(), &options));
        let files = Rc::new(Self {
            trees: trees.collect::<io::Result<_>>()?,
            rules: FieldRules::new(&options.fields)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
            shares: Shares::new(&options),
            look_turns: Turns::new(LOOKS_AT_ONCE_MAX),
            clock: RefCell::new(Clock::new()),
            options,
        });
        spawn_detached("file housekeeping", keep_house(Rc::downgrade(&files)));
        Ok(files)
    }

    /// Answers GET or HEAD for a path: from memory while that is fresh, else after a look at the disk.
    pub fn answer<'a>(
        &'a self,
        request: &'a Request<'_>,
        target: impl Into<Target<'a>>,
    ) -> impl Future<Output = Answer> + 'a {
        self.serve(request, target.into(), Wish::AsAsked)
    }

    /// What [`answer`](Self::answer) would answer, where that needs neither a look at the disk nor any other wait: for
    /// [`Application::at_once`](crate::Application::at_once). `None` where it may need one.
    pub fn at_once<'a>(&self, request: &Request<'_>, target: impl Into<Target<'a>>) -> Option<Answer> {
        let Target { tree, path, fields } = target.into();
        let tree = &self.trees[tree];
        let resource = match self.recall(tree, path, selvedge_runtime::now())?.into_resource() {
            ControlFlow::Continue((resource, _)) => resource,
            ControlFlow::Break(answer) => return Some(answer),
        };
        let form = match form_for(request, tree, &resource) {
            ControlFlow::Continue(form) => form,
            ControlFlow::Break(answer) => return Some(answer),
        };
        let entry = form.entry()?;
        let preconditions = Self::preconditions(request, &entry);
        if let Some(prepared) = self.ready(request, &entry, preconditions, Wish::AsAsked, fields) {
            return Some(Answer::File(Response::prepared(prepared)));
        }
        match self.respond(request, &entry, preconditions, Wish::AsAsked, fields) {
            Ok(Responded::Answer(answer)) => Some(answer),
            Ok(Responded::FromFile(head, content)) => entry.at_once(head, content),
            Err(_) => None,
        }
    }

    /// The file at a path as the page of an error: whole, with `status`, and without validators. What stands in its way is
    /// an [`Answer::Refused`] of its own.
    pub async fn page<'a>(
        &self,
        request: &Request<'_>,
        target: impl Into<Target<'a>>,
        status: StatusCode,
    ) -> Answer {
        self.serve(request, target.into(), Wish::Page(status)).await
    }

    /// Whether two paths of a tree lead to the same file, in whatever form.
    pub async fn same_file(&self, tree: usize, one: &SitePath<'_>, other: &SitePath<'_>) -> bool {
        let tree = &self.trees[tree];
        match (self.find(tree, one).await, self.find(tree, other).await) {
            (Ok(Found::Resource(one, _)), Ok(Found::Resource(other, _))) => one.name == other.name,
            _ => false,
        }
    }

    /// The file at a path in the place of another that is not there, as a single-page application wants it: as
    /// [`answer`](Self::answer), but with the fields of a page, and never to be used again without asking.
    pub async fn fallback<'a>(&self, request: &Request<'_>, target: impl Into<Target<'a>>) -> Answer {
        self.serve(request, target.into(), Wish::Fallback).await
    }

    async fn serve(&self, request: &Request<'_>, target: Target<'_>, wish: Wish) -> Answer {
        let tree = &self.trees[target.tree];
        let path = target.path;
        let (mut changes, mut refusals) = (0, 0);
        let refused = loop {
            match self.serve_once(request, target, wish).await {
                Ok(answer) => return answer,
                Err(NoAnswer::Changed) => {
                    changes += 1;
                    if changes == LOOKS_MAX {
                        break Refused::Failed(io::Error::other("it changes all the time"));
                    }
                }
                Err(NoAnswer::Refused(refused)) => {
                    refusals += 1;
                    if refusals == LOOKS_MAX || !self.may_look_again(tree, &refused).await {
                        break refused;
                    }
                    tree.memory.forget(path.key());
                }
            }
        };
        Answer::Refused(refusal(&refused, &tree.options.root, path.key()))
    }

    async fn serve_once(
        &self,
        request: &Request<'_>,
        target: Target<'_>,
        wish: Wish,
    ) -> Result<Answer, NoAnswer> {
        let Target { tree, path, fields } = target;
        let tree = &self.trees[tree];
        let (resource, opened) = match self.find(tree, path).await?.into_resource() {
            ControlFlow::Continue(found) => found,
            ControlFlow::Break(answer) => return Ok(answer),
        };
        let form = match form_for(request, tree, &resource) {
            ControlFlow::Continue(form) => form,
            ControlFlow::Break(answer) => return Ok(answer),
        };
        let answered = match self.entry(tree, path, &resource, form).await? {
            Loaded::Entry(entry, opened_now) => {
                let preconditions = Self::preconditions(request, &entry);
                if let Some(prepared) = self.ready(request, &entry, preconditions, wish, fields) {
                    return Ok(Answer::File(Response::prepared(prepared)));
                }
                match self.respond(request, &entry, preconditions, wish, fields) {
                    Ok(Responded::Answer(answer)) => Ok(answer),
                    Ok(Responded::FromFile(head, content)) => {
                        self.answer_with_file(tree, head, &entry, content, opened.or(opened_now)).await
                    }
                    Err(no_answer) => Err(no_answer),
                }
            }
            Loaded::Changed => Err(NoAnswer::Changed),
        };
        if let Err(NoAnswer::Changed) = answered {
            // It was remembered, but is no more what it was.
            tree.memory.forget_resource(path.key(), &resource);
        }
        answered
    }

    /// The rules for the fields of the answers.
    pub fn rules(&self) -> &FieldRules {
        &self.rules
    }

    /// Descriptors open for files that are streamed, and paths remembered.
    pub fn usage(&self) -> (usize, usize) {
        let usages = self.trees.iter().map(|tree| tree.memory.usage());
        usages.fold((0, 0), |sum, usage| (sum.0 + usage.0, sum.1 + usage.1))
    }
}

/// Closes descriptors that nobody uses, and follows the roots where no request does: else a worker without requests would
/// hold on to the version that it has served last, and where the next cannot be followed serve that beside the others'
/// later one.
async fn keep_house(files: Weak<Files>) {
    let [longest, shortest] = HOUSEKEEPING_PERIODS;
    loop {
        let Some(idle) = files.upgrade().map(|files| files.options.idle_descriptor) else { return };
        timer::sleep(idle.clamp(shortest, longest)).await;
        let Some(files) = files.upgrade() else { return };
        let now = selvedge_runtime::now();
        let idle = files.options.idle_descriptor.as_nanos() as u64;
        let before = Moment::from_nanoseconds(now.nanoseconds().saturating_sub(idle));
        files.trees.iter().for_each(|tree| tree.memory.close_idle(before));
        for tree in &files.trees {
            // A path that has left the kernel's memory is the disk's to tell, once in a period.
            tree.refresh_root(now, files.options.fresh_for).await;
        }
    }
}

/// The form of a file that a request gets; or the answer to one that takes none.
fn form_for<'a>(
    request: &Request<'_>,
    tree: &Tree,
    resource: &'a Resource,
) -> ControlFlow<Answer, &'a Representation> {
    let status = match resource.choose(request.head(), request.head_bytes(), &tree.options.languages) {
        Chosen::Form(form) => return ControlFlow::Continue(&resource.forms[form]),
        Chosen::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Chosen::NotInCoding => StatusCode::NOT_FOUND,
    };
    ControlFlow::Break(Answer::Refused(respond::in_no_form(status, resource)))
}

/// The answer to a path that is refused, and a line for the operator where it is for him to mend.
fn refusal(refused: &Refused, root: &Path, path: &[u8]) -> Response {
    let status = match refused {
        Refused::Forbidden => StatusCode::FORBIDDEN,
        Refused::Hidden => StatusCode::NOT_FOUND,
        Refused::Exhausted(_) | Refused::TooManyOpen => StatusCode::SERVICE_UNAVAILABLE,
        Refused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if let Some(reason) = refused.reason() {
        selvedge_runtime::report("file", || {
            let path = if path.is_empty() { root.to_string_lossy() } else { String::from_utf8_lossy(path) };
            format!("{}: {path:?} cannot be served: {reason}", status.as_u16())
        });
    }
    Response::error(status, "")
}
