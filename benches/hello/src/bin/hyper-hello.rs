//! On hyper and tokio: a current-thread runtime per thread, each with a listener of its own, as is fastest there.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use selvedge_hello::{Arguments, text};
use socket2::{Domain, Socket, Type};

fn main() {
    let Arguments { port, threads, path } = Arguments::read();
    let text = text(&path);
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), serve(port, text));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it serves for ever"));
}

async fn serve(port: u16, text: &'static [u8]) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_port(true).expect("SO_REUSEPORT");
    socket.set_reuse_address(true).expect("SO_REUSEADDR");
    socket.set_nonblocking(true).expect("O_NONBLOCK");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).expect("the port is free");
    socket.listen(4_096).expect("it listens");
    let listener = tokio::net::TcpListener::from_std(socket.into()).expect("a listener");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |_: hyper::Request<hyper::body::Incoming>| async move {
                let mut response = Response::new(Full::new(Bytes::from_static(text)));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
                Ok::<_, Infallible>(response)
            });
            let _ = http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
