//! Whether a connection goes on, as far as a request's head decides it.

use selvedge_http::h1::{BodyFraming, Persistence, Upgrade};

use crate::runner::row::{Body, GET, GET_1_0, POST, Row, Told, row};
use crate::runner::{engine, wire};

const CLOSE: &str = "RFC 9112 section 9.3: If the \"close\" connection option is present (), the connection \
    will not persist after the current response";
const ONE_ONE: &str = "RFC 9112 section 9.3: If the received protocol is HTTP/1.1 (or later), the \
    connection will persist after the current response";
const ONE_ZERO_STAYS: &str = "RFC 9112 section 9.3: If the received protocol is HTTP/1.0, the \
    \"keep-alive\" connection option is present, either the recipient is not a proxy or the message is a \
    response, and the recipient wishes to honor the HTTP/1.0 \"keep-alive\" mechanism, the connection will \
    persist after the current response";
const ONE_ZERO_ENDS: &str = "RFC 9112 section 9.3: The connection will close after the current response.";
const OPTIONS: &str = "RFC 9110 section 7.6.1: Connection options are case-insensitive.";
const LIST: &str = "RFC 9110 section 5.6.1.2: A recipient MUST parse and ignore a reasonable number of \
    empty list elements";
const AFTER_CLOSE: &str = "RFC 9112 section 9.6: The server MUST NOT process any further requests received \
    on that connection.";
const UPGRADE: &str = "RFC 9110 section 7.8: A server MAY ignore a received Upgrade header field if it \
    wishes to continue using the current protocol on that connection.";
const UPGRADE_OPTION: &str = "RFC 9110 section 7.8: A sender of Upgrade MUST also send an \"Upgrade\" \
    connection option in the Connection header field";

pub(crate) fn rows() -> Vec<Row> {
    let one_one = |lines: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let one_zero = |lines: &str| format!("GET / HTTP/1.0\r\n{lines}\r\n");
    let close = Told { persistence: Persistence::Close, ..GET };
    let stays = Told { persistence: Persistence::Reuse, ..GET_1_0 };
    let offered = Told { upgrade: Upgrade::Offered, ..GET };
    let mut rows = vec![
        row("1.1", ONE_ONE, one_one(""), GET),
        row("1.1 with keep-alive", ONE_ONE, one_one("Connection: keep-alive\r\n"), GET),
        row("1.1 with an empty Connection", ONE_ONE, one_one("Connection:\r\n"), GET),
        row("1.1 with another option", ONE_ONE, one_one("Connection: te\r\n"), GET),
        row(
            "1.1 with options that are like close",
            ONE_ONE,
            one_one("Connection: closed, xclose, close-, clos, c lose\r\n"),
            GET,
        ),
        row(
            "1.1 with close in another field",
            ONE_ONE,
            one_one("Proxy-Connection: close\r\nX-Connection: close\r\n"),
            GET,
        ),
        row("1.1 with close with a parameter", ONE_ONE, one_one("Connection: close;x\r\n"), GET),
        row(
            "1.1 with Keep-Alive's parameters",
            ONE_ONE,
            one_one("Connection: keep-alive\r\nKeep-Alive: timeout=5, max=1\r\n"),
            GET,
        ),
        row("a later 1.x", ONE_ONE, "GET / HTTP/1.5\r\nHost: a\r\n\r\n", GET),
        row("close in two lines", CLOSE, one_one("Connection: keep-alive\r\nConnection: close\r\n"), close),
        row(
            "close in the first of two lines",
            CLOSE,
            one_one("Connection: close\r\nConnection: keep-alive\r\n"),
            close,
        ),
        row(
            "close after an empty line's value",
            CLOSE,
            one_one("Connection:\r\nConnection: close\r\n"),
            close,
        ),
        row(
            "close of a POST with a body",
            CLOSE,
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
            Told {
                framing: BodyFraming::Length(1),
                body: Body::Read(b"x"),
                persistence: Persistence::Close,
                ..POST
            },
        ),
        row("a request behind close", AFTER_CLOSE, one_one("Connection: close\r\n") + &one_one(""), close),
        row("1.0", ONE_ZERO_ENDS, one_zero(""), GET_1_0),
        row("1.0 with close", CLOSE, one_zero("Connection: close\r\n"), GET_1_0),
        row("1.0 with another option", ONE_ZERO_ENDS, one_zero("Connection: te\r\n"), GET_1_0),
        row(
            "1.0 with options that are like keep-alive",
            ONE_ZERO_ENDS,
            one_zero("Connection: keepalive, keep-alives, keep alive\r\n"),
            GET_1_0,
        ),
        row(
            "1.0 with keep-alive in another field",
            ONE_ZERO_ENDS,
            one_zero("Proxy-Connection: keep-alive\r\nKeep-Alive: 300\r\n"),
            GET_1_0,
        ),
        row("1.0 with keep-alive", ONE_ZERO_STAYS, one_zero("Connection: keep-alive\r\n"), stays),
        row("1.0 with Keep-Alive", OPTIONS, one_zero("Connection: Keep-Alive\r\n"), stays),
        row(
            "1.0 with keep-alive among others",
            ONE_ZERO_STAYS,
            one_zero("Connection: te, keep-alive\r\n"),
            stays,
        ),
        row("1.0 with keep-alive and close", CLOSE, one_zero("Connection: keep-alive, close\r\n"), GET_1_0),
        row(
            "1.0 with keep-alive and a body",
            ONE_ZERO_STAYS,
            "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
            Told { method: "POST", framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..stays },
        ),
        row(
            "1.0 that stays, then 1.0",
            ONE_ZERO_ENDS,
            one_zero("Connection: keep-alive\r\n") + &one_zero(""),
            [stays.into(), GET_1_0.into()],
        ),
        row(
            "1.0 that stays, then 1.1",
            ONE_ONE,
            one_zero("Connection: keep-alive\r\n") + &one_one(""),
            [stays.into(), GET.into()],
        ),
        row("1.1, then 1.0", ONE_ZERO_ENDS, one_one("") + &one_zero(""), [GET.into(), GET_1_0.into()]),
        row("Upgrade offered", UPGRADE, one_one("Connection: Upgrade\r\nUpgrade: websocket\r\n"), offered),
        row(
            "Upgrade to h2c offered",
            UPGRADE,
            one_one(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            ),
            offered,
        ),
        row(
            "Upgrade offered in two lines",
            UPGRADE,
            one_one("Connection: keep-alive\r\nConnection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n"),
            offered,
        ),
        row(
            "Upgrade offered with close",
            UPGRADE,
            one_one("Connection: upgrade, close\r\nUpgrade: websocket\r\n"),
            Told { persistence: Persistence::Close, ..offered },
        ),
        row("Upgrade without its option", UPGRADE_OPTION, one_one("Upgrade: websocket\r\n"), GET),
        row("an option without Upgrade", UPGRADE_OPTION, one_one("Connection: upgrade\r\n"), GET),
    ];
    for options in [
        "close",
        "Close",
        "CLOSE",
        "cLoSe",
        " close",
        "close\t",
        "keep-alive, close",
        "close, keep-alive",
        "x,close,y",
    ] {
        rows.push(row(
            format!("<{options}>"),
            OPTIONS,
            one_one(&format!("Connection: {options}\r\n")),
            close,
        ));
    }
    for options in
        [",close", ", close", "close,", "close, ", ",,close,,", "close,,te", "close, ,te", ",\t,close"]
    {
        rows.push(row(format!("<{options}>"), LIST, one_one(&format!("Connection: {options}\r\n")), close));
    }
    rows
}

#[test]
fn rows_without_a_socket() {
    engine::check(&rows());
}

#[test]
fn rows_over_a_socket() {
    wire::check(&rows());
}
