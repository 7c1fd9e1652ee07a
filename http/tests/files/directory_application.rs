//! A directory as an application of a program's own.

use std::fs;

use selvedge_http::files::{FileOptions, Files, serve_files};
use selvedge_http::testing::{self, Client};
use selvedge_http::{Request, Response, Router};

use super::support::directory::Directory;

/// A router with the directory below `/static`, `/dots` and, with an application behind it, `/app`; and for all other paths.
fn site(root: FileOptions) -> Router {
    let files = Files::open(root).expect("the root is there");
    let page =
        async |request: Request<'_>| Response::text(String::from_utf8_lossy(request.path()).into_owned());
    Router::new()
        .nest("/static", serve_files(files.clone()))
        .nest("/dots", serve_files(files.clone()).with_hidden())
        .nest("/app", serve_files(files.clone()).fallback(page))
        .fallback(serve_files(files))
}

fn run(asks: impl AsyncFnOnce(Client<Router>) + Send + 'static) {
    let directory = Directory::new("directory-application");
    fs::create_dir(directory.join("below")).expect("it is new");
    fs::write(directory.join("below/index.html"), "an index").expect("it is new");
    fs::write(directory.join("page.txt"), "a page").expect("it is new");
    fs::write(directory.join(".secret"), "a secret").expect("it is new");
    let options = FileOptions::new(directory.path());
    testing::run(move || site(options), asks);
}

#[test]
fn files_are_served_and_nothing_else_is() {
    run(async |client| {
        client.get("/static/page.txt").send().await.assert_status(200).assert_text("a page").await;
        client.get("/static/below/").send().await.assert_text("an index").await;
        for missing in ["/static/nothing", "/static/.secret", "/static/"] {
            client.get(missing).send().await.assert_status(404);
        }
        client.get("/static/%2e%2e/page.txt").send().await.assert_status(400);
        client.get("/dots/.secret").send().await.assert_text("a secret").await;
    });
}

#[test]
fn redirects_keep_what_was_taken_off_the_front_and_the_query() {
    run(async |client| {
        let mut answer = client.get("/static/below?a=b").send().await;
        answer.assert_status(301);
        answer.assert_header("location", "/static/below/?a=b");
        let mut answer = client.get("/static/page.txt/").send().await;
        answer.assert_status(301);
        answer.assert_header("location", "/static/page.txt");
        // The root's relative links are right below its slash alone.
        let mut answer = client.get("/static?a").send().await;
        answer.assert_status(301).assert_header("location", "/static/?a");
        // Never to another host.
        for path in ["//below", "///below", "/%5C%5Cbelow/../below"] {
            let mut answer = client.get(path).send().await;
            answer.assert_status(301).assert_header("location", "/below/");
        }
        let mut answer = client.get("/static//below").send().await;
        answer.assert_status(301).assert_header("location", "/static/below/");
    });
}

#[test]
fn what_is_not_there_is_the_other_application_s_as_it_was_asked() {
    run(async |client| {
        client.get("/app/page.txt").send().await.assert_text("a page").await;
        client.get("/app/users/7").send().await.assert_text("/users/7").await;
        client.get("/app/.secret").send().await.assert_text("/.secret").await;
        client.get("/app/users/a%2Fb").send().await.assert_text("/users/a%2Fb").await;
    });
}

#[test]
fn other_methods_are_told_which_there_are() {
    run(async |client| {
        let mut answer = client.post("/static/page.txt").send().await;
        answer.assert_status(405);
        answer.assert_header("allow", "GET, HEAD, OPTIONS");
        let mut answer = client.request("OPTIONS", "/static/page.txt").send().await;
        answer.assert_status(204);
        answer.assert_header("allow", "GET, HEAD, OPTIONS");
    });
}
