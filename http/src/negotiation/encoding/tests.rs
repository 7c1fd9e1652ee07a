use proptest::prelude::*;

use super::*;
use crate::test_support::parse_head;

fn parse(lines: &[&str]) -> Acceptable {
    Acceptable::parse(lines.iter().map(|line| line.as_bytes()))
}

/// The coding that is sent where every one is there, and where there is only gzip beside the file itself.
fn choices(line: &str) -> (Option<Coding>, Option<Coding>) {
    let gzip_and_identity = CodingSet::EMPTY.with(Coding::Gzip).with(Coding::Identity);
    (parse(&[line]).choose(CodingSet::ALL), parse(&[line]).choose(gzip_and_identity))
}

#[test]
fn examples_of_the_rfc() {
    for (line, of_all, of_gzip) in [
        ("compress, gzip", Coding::Gzip, Coding::Gzip),
        ("", Coding::Identity, Coding::Identity),
        ("*", Coding::Brotli, Coding::Gzip),
        ("compress;q=0.5, gzip;q=1.0", Coding::Gzip, Coding::Gzip),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", Coding::Gzip, Coding::Gzip),
    ] {
        assert_eq!(choices(line), (Some(of_all), Some(of_gzip)), "{line}");
    }
}

#[test]
fn what_clients_send() {
    for (client, line, of_all, of_gzip) in [
        ("Chrome", "gzip, deflate, br, zstd", Coding::Brotli, Coding::Gzip),
        ("Chrome in cleartext", "gzip, deflate", Coding::Gzip, Coding::Gzip),
        ("Firefox", "gzip, deflate, br, zstd", Coding::Brotli, Coding::Gzip),
        ("Firefox on ranges and media", "identity", Coding::Identity, Coding::Identity),
        ("Chrome on ranges and media", "identity;q=1, *;q=0", Coding::Identity, Coding::Identity),
        ("Safari", "gzip, deflate, br", Coding::Brotli, Coding::Gzip),
        ("curl --compressed", "deflate, gzip, br, zstd", Coding::Brotli, Coding::Gzip),
        ("wget", "identity", Coding::Identity, Coding::Identity),
        ("wget --compression=auto", "gzip", Coding::Gzip, Coding::Gzip),
        ("Go", "gzip", Coding::Gzip, Coding::Gzip),
        ("weights of a benchmark", "br;q=1, gzip;q=0.8", Coding::Brotli, Coding::Gzip),
    ] {
        assert_eq!(choices(line), (Some(of_all), Some(of_gzip)), "{client}: {line}");
    }
}

#[test]
fn without_the_field_the_file_is_sent_as_it_is() {
    assert_eq!(parse(&[]), Acceptable::UNSTATED);
    assert_eq!(Acceptable::UNSTATED.choose(CodingSet::ALL), Some(Coding::Identity));
    let only_gzip = CodingSet::EMPTY.with(Coding::Gzip);
    assert_eq!(Acceptable::UNSTATED.choose(only_gzip), Some(Coding::Gzip), "every coding is acceptable");
    assert_eq!(parse(&[""]).choose(only_gzip), None, "an empty field accepts none");
}

#[test]
fn weights_come_before_the_servers_preference() {
    for (line, of_all, of_gzip) in [
        ("gzip, br;q=0.9, zstd;q=0.8", Coding::Gzip, Coding::Gzip),
        ("br;q=0.8, zstd;q=0.8, gzip;q=0.1", Coding::Brotli, Coding::Gzip),
        ("zstd, gzip", Coding::Zstd, Coding::Gzip),
        ("gzip;q=0.5, *;q=0.6", Coding::Brotli, Coding::Identity),
        ("gzip;q=0.001", Coding::Gzip, Coding::Gzip),
        ("identity, gzip", Coding::Gzip, Coding::Gzip),
        ("identity, gzip;q=0.9", Coding::Identity, Coding::Identity),
        ("deflate", Coding::Identity, Coding::Identity),
    ] {
        assert_eq!(choices(line), (Some(of_all), Some(of_gzip)), "{line}");
    }
}

#[test]
fn what_is_refused_is_never_sent() {
    for (line, of_all, of_gzip) in [
        ("gzip;q=0", Some(Coding::Identity), Some(Coding::Identity)),
        ("*;q=0", None, None),
        ("identity;q=0", None, None),
        ("identity;q=0, *", Some(Coding::Brotli), Some(Coding::Gzip)),
        ("identity;q=0, br", Some(Coding::Brotli), None),
        ("*;q=0, identity", Some(Coding::Identity), Some(Coding::Identity)),
        ("*;q=0, gzip;q=0.1", Some(Coding::Gzip), Some(Coding::Gzip)),
        ("br;q=0, *", Some(Coding::Zstd), Some(Coding::Gzip)),
        ("gzip, gzip;q=0, br;q=0.0, identity;q=0.000", None, None),
        ("gzip;q=0.0000, x-gzip", Some(Coding::Identity), Some(Coding::Identity)),
    ] {
        assert_eq!(choices(line), (of_all, of_gzip), "{line}");
    }
}

#[test]
fn names_are_read_in_any_case_and_whole() {
    assert_eq!(parse(&["GZip"]), parse(&["gzip"]));
    assert_eq!(parse(&["X-GZIP;Q=0.3"]), parse(&["gzip;q=0.3"]));
    for other in ["gzipped", "gzi", "x-br", "g zip", "gzip deflate", "\"gzip\"", "gzip/1", "**", "brotli"] {
        assert_eq!(parse(&[other]), parse(&[""]), "{other}");
    }
}

#[test]
fn field_is_read_from_a_request() {
    let of = |fields: &str| {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        Acceptable::of_request(&parse_head(text.as_bytes()).unwrap(), text.as_bytes())
    };
    assert_eq!(of(""), Acceptable::UNSTATED);
    assert_eq!(of("accept-encoding:\r\n"), parse(&[""]));
    assert_eq!(
        of("Accept-Encoding: br;q=0.5\r\nX: y\r\nACCEPT-ENCODING: gzip\r\n"),
        parse(&["br;q=0.5,gzip"])
    );
}

#[test]
fn sets_hold_what_was_put_in() {
    let set: CodingSet = [Coding::Gzip, Coding::Brotli].into_iter().collect();
    assert!(set.contains(Coding::Gzip) && !set.contains(Coding::Identity) && !set.is_empty());
    assert!(set.iter().eq([Coding::Brotli, Coding::Gzip]));
    assert_eq!(set.without(Coding::Gzip).without(Coding::Brotli), CodingSet::EMPTY);
    assert!(CodingSet::ALL.iter().eq(Coding::BY_PREFERENCE) && CodingSet::EMPTY.is_empty());
}

fn element() -> impl Strategy<Value = (String, u16)> {
    let name = prop_oneof![
        Just("gzip"),
        Just("x-gzip"),
        Just("BR"),
        Just("zstd"),
        Just("identity"),
        Just("*"),
        Just("deflate")
    ];
    (name, prop_oneof![Just(0u16), 0u16..=1000]).prop_map(|(name, weight)| (name.to_owned(), weight))
}

fn coding_set() -> impl Strategy<Value = CodingSet> {
    (0u8..16).prop_map(|bits| {
        Coding::BY_PREFERENCE.into_iter().filter(|&coding| bits & 1 << coding as u8 != 0).collect()
    })
}

proptest! {
    #[test]
    fn refused_codings_are_never_chosen(
        elements in prop::collection::vec(element(), 0..8),
        available in coding_set(),
    ) {
        let text = |(name, weight): &(String, u16)| format!("{name};q={}.{:03}", weight / 1000, weight % 1000);
        let line = elements.iter().map(text).collect::<Vec<_>>().join(", ");
        let chosen = parse(&[&line]).choose(available);
        let refuses = |coding: Coding| {
            let of = |wanted: &str| elements.iter().find(|(name, weight)| name == wanted && *weight == 0);
            let is_named = |coding: Coding| {
                elements.iter().any(|(name, _)| Coding::from_name(name.as_bytes()) == Some(coding))
            };
            match coding {
                Coding::Identity if is_named(coding) => of("identity").is_some(),
                Coding::Gzip if is_named(coding) => of("gzip").or(of("x-gzip")).is_some(),
                Coding::Brotli if is_named(coding) => of("BR").is_some(),
                Coding::Zstd if is_named(coding) => of("zstd").is_some(),
                _ => of("*").is_some(),
            }
        };
        if let Some(coding) = chosen {
            prop_assert!(available.contains(coding) && !refuses(coding), "{line} gave {coding:?}");
        } else {
            prop_assert!(!available.contains(Coding::Identity) || refuses(Coding::Identity), "{line} gave none");
        }
    }

    #[test]
    fn several_lines_are_as_one(
        lines in prop::collection::vec("([a-z*]{0,3}|gzip|br|zstd|identity|;|q=|[01.]|[ \t\"]|,){0,12}", 1..5),
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        prop_assert_eq!(parse(&lines), parse(&[&lines.join(",")]));
    }
}
