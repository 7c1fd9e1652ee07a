//! A queued answer belongs to its connection, whatever becomes of the descriptor's number.

use crate::support::app::paths;
use crate::support::client::Client;
use crate::support::{TestServer, patient};

#[test]
fn a_queued_answer_never_reaches_a_connection_that_reuses_its_descriptor() {
    let server = TestServer::start(patient(), paths);
    for round in 0..300 {
        // Answers that cannot go out: the sends are queued in the kernel when the clients reset.
        let doomed: Vec<Client> = (0..4)
            .map(|_| {
                let mut client = Client::connect_narrow(server.address(), 4_096);
                client.send("GET /zeros/20000000 HTTP/1.1\r\nHost: a\r\n\r\n");
                client
            })
            .collect();
        if round % 3 == 0 {
            server.usage();
        }
        for client in doomed {
            client.reset();
        }
        // The numbers are free again at any moment from now on, and these connections get them.
        let mut fresh: Vec<Client> = (0..8).map(|_| server.connect()).collect();
        for (number, client) in fresh.iter_mut().enumerate() {
            client.send(format!("GET /text/{round}-{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        for (number, client) in fresh.iter_mut().enumerate() {
            assert_eq!(client.reply().text(), format!("{round}-{number}"));
        }
        // Nothing follows either.
        for client in &mut fresh {
            client.shut_down_write();
            client.expect_close();
        }
    }
    server.wait_until_at_rest();
}
