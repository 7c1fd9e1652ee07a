//! The client that asks an application in its own process: it sees what a client on a socket sees.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use selvedge_http::testing::{self, Client};
use selvedge_http::{
    Application, CloseReason, ExchangeEnd, HeaderName, HeaderValue, IntoResponse, Method, Observer,
    OnRefusal, Refusal, Request, Response, ServerOptions, StatusCode, StreamBody, TracePolicy,
    WorkerApplication, header,
};

/// Asks `application` on a worker.
fn asked<A: Application>(
    application: impl FnOnce() -> A + Send + 'static,
    test: impl AsyncFnOnce(Client<A>) + Send + 'static,
) {
    testing::run(application, test);
}

/// Its request again: method, path, query, fields, peer and body.
async fn mirror(request: Request<'_>) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let mut lines = vec![format!("{} {}", request.method(), text(request.path()))];
    lines.extend(request.query().map(|query| format!("query {}", text(query))));
    lines.extend(request.headers().map(|line| format!("{}: {}", text(line.name), text(line.value))));
    lines.push(format!("from {}", request.peer().expect("a test has a peer")));
    match request.body().text(1_000).await {
        Ok(body) => lines.push(body),
        Err(error) => lines.push(error.to_string()),
    }
    lines.join("\n")
}

#[test]
fn a_request_says_what_it_was_told_to() {
    asked(
        || mirror,
        async |client| {
            let mut response = client.get("/a?b=c").header("x-name", "value").send().await;
            response
                .assert_status(StatusCode::OK)
                .assert_text("GET /a\nquery b=c\nhost: localhost\nx-name: value\nfrom 127.0.0.1:49152\n")
                .await;
            let peer = SocketAddr::from(([192, 0, 2, 1], 5));
            let request = client
                .put("/")
                .header(header::HOST, "example.org")
                .peer(peer)
                .header("content-type", "application/json")
                .body("[1]");
            let expected = "PUT /\nhost: example.org\ncontent-type: application/json\ncontent-length: 3\n\
                            from 192.0.2.1:5\n[1]";
            request.send().await.assert_text(expected).await;
            client.request("PURGE", "/").send().await.assert_body_contains("PURGE /\n").await;
            client.request(Method::DELETE, "/x").send().await.assert_body_contains("DELETE /x\n").await;
        },
    );
}

#[test]
fn a_response_has_the_fields_the_engine_writes() {
    asked(
        || async |_: Request<'_>| Response::html("<p>").with_header(header::ETAG, "\"1\""),
        async |client| {
            let mut response = client.get("/").send().await;
            response
                .assert_status(200)
                .assert_content_type("text/html")
                .assert_header("content-length", "3")
                .assert_header(header::ETAG, "\"1\"")
                .assert_no_header("connection");
            assert!(response.header("date").is_some());
            assert_eq!(response.text().await, "<p>");
            client.get("/").http10().send().await.assert_header("connection", "close");
            client.get("/").header("connection", "close").send().await.assert_header("connection", "close");
            let mut head = client.head("/").send().await;
            head.assert_header("content-length", "3").assert_text("").await;
        },
    );
}

#[test]
fn what_the_engine_refuses_does_not_reach_the_application() {
    asked(
        || async |_: Request<'_>| -> Response { panic!("nothing comes here") },
        async |client| {
            for (octets, status) in [
                ("GET / HTTP/1.1\r\n\r\n", 400),
                ("GET / HTTP/1.1\nHost: a\n\n", 400),
                ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
                ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n1", 400),
                ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413),
                ("GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417),
                ("GET / HTTP/1.1\r\nHost: a\r\n", 408),
                ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
                ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204),
            ] {
                client.raw(octets).await.assert_status(StatusCode::from_u16(status).expect("a status"));
            }
            client.get("/ /").send().await.assert_status(400).assert_header("connection", "close");
            client.get("/").header("x", "a\nb: c").send().await.assert_status(400);
            client.get(&"/".repeat(10_000)).send().await.assert_status(414);
        },
    );
}

#[test]
fn the_limits_are_those_of_the_options() {
    selvedge_runtime::block_on(|| async {
        let mut options = ServerOptions { trace: TracePolicy::Application, ..ServerOptions::default() };
        options.limits.body_bytes_max = 3;
        let client = Client::with_options(mirror, &options);
        client.post("/").body("four").send().await.assert_status(413);
        client.post("/").chunks(["fo", "ur"]).send().await.assert_body_contains("too large").await;
        client.request("TRACE", "/").send().await.assert_status(200);
    });
}

#[test]
fn a_response_that_cannot_be_sent_is_a_500() {
    let breaks = [
        |response: Response| response.with_header(header::CONTENT_LENGTH, "1"),
        |response: Response| response.with_header(header::CONNECTION, "close"),
        |response: Response| response.with_header(header::TRANSFER_ENCODING, "chunked"),
        |response: Response| response.with_status(StatusCode::EARLY_HINTS),
        |response: Response| response.with_header(header::LINK, vec![b'a'; 70_000]),
        |response: Response| response.with_header(header::LINK, "a\nb"),
    ];
    for (number, how) in breaks.into_iter().enumerate() {
        for whole in [true, false] {
            let application = move || {
                async move |_: Request<'_>| {
                    how(if whole {
                        Response::text("text")
                    } else {
                        Response::stream(async |mut writer| writer.write(b"text").await)
                    })
                }
            };
            asked(application, async move |client| {
                let mut response = client.get("/").send().await;
                assert_eq!(response.status(), 500, "{number}");
                response.assert_no_header("link").assert_body_contains("500").await;
            });
        }
    }
}

#[test]
fn what_the_application_says_of_a_refusal_is_said_and_the_engine_s_text_where_that_cannot_be() {
    async fn invalid(_: Request<'_>) -> Response {
        Response::text("").with_header(header::CONTENT_LENGTH, "1")
    }
    for (length, wanted) in [(10, "own words"), (70_000, "500 Internal Server Error\n")] {
        let make = move || {
            let on_refusal = move |refusal: &Refusal| {
                let response = Response::text("own words").with_status(refusal.status());
                response.with_header(header::WARNING, vec![b'a'; length])
            };
            let on_refusal: Option<OnRefusal> = Some(Rc::new(on_refusal));
            WorkerApplication { on_refusal, ..WorkerApplication::from(invalid) }
        };
        testing::run(make, async move |client| {
            client.get("/").send().await.assert_status(500).assert_text(wanted).await;
            let wanted = wanted.replace("500 Internal Server Error", "400 Bad Request: Host missing");
            client.raw("GET / HTTP/1.1\r\n\r\n").await.assert_status(400).assert_text(&wanted).await;
        });
    }
}

#[test]
fn a_request_s_body_is_taken_only_as_it_is_asked_for() {
    async fn first_two(request: Request<'_>) -> Result<Vec<u8>, selvedge_http::BodyError> {
        let mut body = request.body();
        let first = body.chunk().await?.expect("there is a first").to_vec();
        let second = body.chunk().await?.expect("there is a second").to_vec();
        Ok([first, second].concat())
    }
    asked(
        || first_two,
        async |client| {
            let taken = Rc::new(Cell::new(0));
            let pieces = {
                let taken = Rc::clone(&taken);
                (0..1_000_u32).map(move |number| {
                    taken.set(taken.get() + 1);
                    format!("piece {number} ")
                })
            };
            let mut response = client.post("/").chunks(pieces).send().await;
            response.assert_body("piece 0 piece 1 ").await;
            assert_eq!(taken.get(), 2);
        },
    );
}

#[test]
fn a_response_s_body_is_written_only_as_it_is_pulled() {
    let application = || {
        let written = Rc::new(Cell::new(0));
        async move |request: Request<'_>| {
            if request.path() == b"/written" {
                return written.get().to_string().into_response();
            }
            let written = Rc::clone(&written);
            Response::stream(async move |mut writer| {
                loop {
                    writer.write(b"more").await?;
                    writer.flush().await?;
                    written.set(written.get() + 1);
                }
            })
        }
    };
    asked(application, async |client| {
        let mut forever = client.get("/").send().await;
        forever.assert_header("transfer-encoding", "chunked").assert_no_header("content-length");
        assert_eq!(forever.chunk().await.unwrap().as_deref(), Some(&b"more"[..]));
        assert_eq!(forever.chunk().await.unwrap().as_deref(), Some(&b"more"[..]));
        client.get("/written").send().await.assert_text("1").await;
    });
}

#[test]
fn a_body_is_echoed_while_the_test_writes_it() {
    async fn echo(request: Request<'_>) -> Response {
        let mut body = request.body();
        Response::stream(async move |mut writer| {
            while let Some(piece) = body.chunk().await? {
                writer.send(piece).await?;
            }
            Ok(())
        })
    }
    asked(
        || echo,
        async |client| {
            let (mut says, body) = StreamBody::channel();
            let mut response = client.post("/").stream(body).send().await;
            for said in ["hello", "again"] {
                says.write(said.as_bytes()).await.unwrap();
                assert_eq!(response.chunk().await.unwrap().as_deref(), Some(said.as_bytes()));
            }
            says.finish();
            assert_eq!(response.chunk().await.unwrap(), None);

            let (mut says, body) = StreamBody::channel();
            let mut response = client.post("/").stream(body).send().await;
            says.write(b"the beginning").await.unwrap();
            says.abort();
            assert!(response.chunk().await.unwrap().is_some());
            assert!(response.chunk().await.is_err());
        },
    );
}

#[test]
fn a_body_of_another_length_than_was_said_breaks_off() {
    for (said, written) in [(4, 5), (5, 4), (0, 1)] {
        let application = move || {
            async move |_: Request<'_>| {
                let body = StreamBody::of(async move |mut writer| writer.write(&vec![b'a'; written]).await);
                Response::of_stream(body.with_length(said))
            }
        };
        asked(application, async move |client| {
            let mut response = client.get("/").send().await;
            response.assert_header("content-length", said.to_string());
            let mut pulled = response.chunk().await;
            while let Ok(Some(_)) = pulled {
                pulled = response.chunk().await;
            }
            let kind =
                if written as u64 > said { io::ErrorKind::InvalidData } else { io::ErrorKind::UnexpectedEof };
            assert_eq!(pulled.unwrap_err().kind(), kind);
        });
    }
}

#[test]
fn trailers_come_after_a_chunked_body_and_not_after_others() {
    async fn summed(_: Request<'_>) -> Response {
        Response::stream(async |mut writer| {
            writer.write(b"body").await?;
            let field = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
            writer.finish_with_trailers(vec![field("x-sum", "4"), field("content-length", "9")]);
            Ok(())
        })
    }
    asked(
        || summed,
        async |client| {
            let mut response = client.get("/").send().await;
            assert!(response.trailers().is_empty());
            response.assert_text("body").await;
            assert_eq!(response.trailers().len(), 1);
            assert_eq!(response.trailers()["x-sum"], "4");
            let mut response = client.get("/").http10().send().await;
            response.assert_no_header("transfer-encoding").assert_text("body").await;
            assert!(response.trailers().is_empty());
        },
    );
}

#[test]
fn hints_come_before_the_response() {
    async fn hinted(request: Request<'_>) -> &'static str {
        let link = HeaderValue::from_static("</style.css>; rel=preload");
        request.early_hints([(&header::LINK, &link)]);
        request.early_hints([(&header::LINK, &link)]);
        "page"
    }
    asked(
        || hinted,
        async |client| {
            let mut response = client.get("/").send().await;
            assert_eq!(response.interim().len(), 2);
            let (status, headers) = &response.interim()[0];
            assert_eq!(
                (status.as_u16(), &headers["link"]),
                (103, &"</style.css>; rel=preload".parse().unwrap())
            );
            response.assert_no_header("link").assert_text("page").await;
        },
    );
}

#[test]
fn another_protocol_is_spoken_where_it_was_offered() {
    async fn shout(_: Request<'_>) -> Response {
        Response::upgrade(HeaderValue::from_static("shout"), async |mut client| {
            while let Some(said) = client.receive().await? {
                client.write(&said.to_ascii_uppercase()).await?;
            }
            client.write(b"BYE").await
        })
    }
    asked(
        || shout,
        async |client| {
            let (mut says, body) = StreamBody::channel();
            let mut response = client.get("/").upgrade("shout", body).send().await;
            response
                .assert_status(101)
                .assert_header("upgrade", "shout")
                .assert_header("connection", "upgrade");
            says.write(b"hello").await.unwrap();
            assert_eq!(response.chunk().await.unwrap().as_deref(), Some(&b"HELLO"[..]));
            says.finish();
            response.assert_text("BYE").await;
            client.get("/").send().await.assert_status(426).assert_header("upgrade", "shout");
        },
    );
}

#[test]
fn an_observer_is_told_of_every_exchange_at_its_end() {
    async fn noted(request: Request<'_>) -> Response {
        request.extensions().insert(7_u32);
        match request.path() {
            b"/stream" => Response::stream(async |mut writer| writer.write(b"body").await),
            b"/fails" => Response::stream(async |_| Err(io::Error::other("no end"))),
            b"/invalid" => Response::text("").with_status(StatusCode::CONTINUE),
            _ => Response::text("body"),
        }
    }
    selvedge_runtime::block_on(|| async {
        let told = Rc::new(RefCell::new(Vec::new()));
        let records = Rc::clone(&told);
        let observer: Observer = Rc::new(move |record, request| {
            let noted = request.map(|request| (request.path().to_vec(), request.extensions().get::<u32>()));
            records.borrow_mut().push((
                record.status.map(|status| status.as_u16()),
                record.bytes,
                record.end,
                noted,
            ));
        });
        let client = Client::new(WorkerApplication { observer: Some(observer), ..noted.into() });
        let last = || told.borrow().last().cloned().expect("one was told");

        let response = client.get("/").send().await;
        let (status, bytes, end, request) = last();
        assert_eq!((status, end, request), (Some(200), ExchangeEnd::Kept, Some((b"/".to_vec(), Some(7)))));
        assert!(bytes > 4, "head and body");
        drop(response);
        assert_eq!(told.borrow().len(), 1);

        let mut response = client.get("/stream").header("connection", "close").send().await;
        assert_eq!(told.borrow().len(), 1);
        response.assert_text("body").await;
        assert_eq!(last().2, ExchangeEnd::Closed(CloseReason::Requested));
        drop(client.get("/stream").send().await);
        assert_eq!(last().2, ExchangeEnd::Closed(CloseReason::ClientFailure));
        assert!(client.get("/fails").send().await.chunk().await.is_err());
        assert_eq!(last().2, ExchangeEnd::Closed(CloseReason::StreamFailed));
        client.get("/invalid").send().await.assert_status(500);
        let (status, _, end, _) = last();
        assert_eq!((status, end), (Some(500), ExchangeEnd::Closed(CloseReason::InvalidResponse)));
        client.raw("nonsense\r\n\r\n").await.assert_status(400);
        let (status, _, end, request) = last();
        assert!(matches!(end, ExchangeEnd::Closed(CloseReason::Rejected(_))), "{end:?}");
        assert_eq!((status, request), (Some(400), None));
        assert_eq!(told.borrow().len(), 6);
    });
}

#[test]
fn files_are_read_as_they_are_sent() {
    use selvedge_http::files::{Answer, FileOptions, Files};
    use selvedge_http::path::SitePath;

    struct Site(Rc<Files>);

    impl Application for Site {
        async fn call(&self, request: Request<'_>) -> Response {
            let mut decoded = Vec::new();
            match SitePath::resolve(request.path(), &mut decoded) {
                Ok(path) => match self.0.answer(&request, &path).await {
                    Answer::File(response) | Answer::Refused(response) => response,
                    _ => StatusCode::NOT_FOUND.into_response(),
                },
                Err(error) => Response::error(error.status(), error.reason()),
            }
        }
    }

    let application =
        || Site(Files::open(FileOptions::new(env!("CARGO_MANIFEST_DIR"))).expect("it is there"));
    asked(application, async |client| {
        let manifest = include_bytes!("../Cargo.toml");
        let mut response = client.get("/Cargo.toml").send().await;
        response.assert_status(200).assert_header("content-length", manifest.len().to_string());
        response.assert_body(manifest).await;
        let tag = response.header("etag").expect("a file has a tag").to_owned();
        let again = client.get("/Cargo.toml").header("if-none-match", tag);
        again.send().await.assert_status(304).assert_no_header("content-length").assert_body("").await;
        let part = client.get("/Cargo.toml").header("range", "bytes=1-3").send().await.body().await.to_vec();
        assert_eq!(part, manifest[1..=3]);
        client.get("/nothing").send().await.assert_status(404);
    });
}

#[test]
fn an_assert_that_fails_says_what_was_asked_for_what_came_and_where() {
    async fn hello(_: Request<'_>) -> &'static str {
        "hello"
    }
    let failing = |number: usize| {
        let failed = catch_unwind(AssertUnwindSafe(|| {
            testing::run(
                || hello,
                async move |client| {
                    let mut response = client.get("/x?y").send().await;
                    match number {
                        0 => drop(response.assert_status(404)),
                        1 => drop(response.assert_header("content-type", "text/html")),
                        2 => drop(response.assert_no_header("content-type")),
                        3 => drop(response.assert_text("good bye").await),
                        _ => drop(response.assert_body_contains("bye").await),
                    }
                },
            );
        }));
        *failed.expect_err("it fails").downcast::<String>().expect("a message")
    };
    for (number, wanted) in [
        "the status is not 404",
        "the field content-type is not \"text/html\" but [\"text/plain; charset=utf-8\"]",
        "there is a field content-type: [\"text/plain; charset=utf-8\"]",
        "the body is not \"good bye\"\nbut \"hello\"",
        "\"bye\" is not in the body \"hello\"",
    ]
    .into_iter()
    .enumerate()
    {
        let message = failing(number);
        assert!(message.starts_with("GET /x?y was answered 200 OK"), "{message}");
        assert!(message.contains(wanted), "{message}");
        assert!(number < 3 || message.contains(file!()), "{message}");
    }
}
