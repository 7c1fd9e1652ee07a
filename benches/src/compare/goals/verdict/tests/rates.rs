//! The same load for both.

use super::*;

#[test]
fn where_a_rate_is_offered_both_servers_have_to_keep_it() {
    let mut measured = measured(5, &GOOD, &[]);
    measured.rows[0].workload = "1m".into();
    let row = ROWS.iter().find(|row| row.workload == "1m").unwrap();
    let h2o = measured.rows[0].servers.iter_mut().find(|figures| figures.server == Server::H2o).unwrap();
    h2o.requests_per_second.median *= 2.0;
    let [floor, peer] = judge_row(row, &measured).map(|judged| judged.unwrap().verdict);
    assert!(matches!(floor, Verdict::Met(_)));
    assert_eq!(reason(&peer), "the rates differ: 1 and 2 requests/s");
}

#[test]
fn a_rate_at_fixed_times_is_the_same_within_two_in_a_hundred() {
    let mut measured = measured(5, &GOOD, &[]);
    let h2o = measured.rows[0].servers.iter_mut().find(|figures| figures.server == Server::H2o).unwrap();
    h2o.requests_per_second.median *= 1.015;
    assert!(matches!(judge_small(&measured)[1], Verdict::Met(_)));
    let h2o = measured.rows[0].servers.iter_mut().find(|figures| figures.server == Server::H2o).unwrap();
    h2o.requests_per_second.median *= 1.015;
    assert!(reason(&judge_small(&measured)[1]).starts_with("the rates differ"));
}

#[test]
fn a_peer_that_missed_the_rate_is_no_best_peer_and_ours_has_no_verdict() {
    assert_eq!(marked(Server::H2o, &[Mark::RateMissed]).other, Some(Server::Nginx));
    assert_eq!(marked(Server::Nginx, &[Mark::RateMissed]).other, Some(Server::H2o));
    let ours = marked(Server::Selvedge, &[Mark::RateMissed]);
    assert_eq!(reason(&ours.verdict), "selvedge: offered rate not reached");
}

#[test]
fn a_best_peer_that_the_machine_kept_from_the_rate_is_not_replaced_by_another() {
    let judged = marked(Server::H2o, &[Mark::Stolen, Mark::RateMissed]);
    assert_eq!(judged.other, Some(Server::H2o));
    assert_eq!(reason(&judged.verdict), "h2o: CPU stolen by the host, offered rate not reached");
}

/// The first row against peers, where one server's figures have these marks.
fn marked(server: Server, marks: &[Mark]) -> Judged {
    let mut measured = measured(5, &GOOD, &[]);
    let servers = measured.rows[0].servers.iter_mut();
    servers.filter(|figures| figures.server == server).for_each(|figures| figures.marks.extend(marks));
    judge_row(row(), &measured)[1].clone().unwrap()
}
