//! The router against a matcher that looks at all routes one after the other.

use proptest::prelude::*;

use super::{answer, says};
use crate::router::Router;

use http::Method;

/// One segment of a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Literal(&'static str),
    Parameter,
    Rest,
}

impl Kind {
    /// Which of two comes first.
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Parameter => 1,
            Self::Rest => 2,
        }
    }
}

fn route() -> impl Strategy<Value = Vec<Kind>> {
    let literal = || prop::sample::select(vec!["a", "b", "ab", ""]).prop_map(Kind::Literal);
    let segment = prop_oneof![3 => literal(), 2 => Just(Kind::Parameter)];
    let last = prop_oneof![3 => literal(), 2 => Just(Kind::Parameter), 1 => Just(Kind::Rest)];
    (prop::collection::vec(segment, 0..4), last).prop_map(|(mut segments, last)| {
        segments.push(last);
        segments
    })
}

fn path() -> impl Strategy<Value = Vec<&'static str>> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "", "%61", "a%62", "a%2Fb", "%", "x"]);
    prop::collection::vec(segment, 1..6)
}

/// The path of a route, its parameters named by their places.
fn written(route: &[Kind]) -> String {
    let segment = |(at, kind): (usize, &Kind)| match kind {
        Kind::Literal(text) => format!("/{text}"),
        Kind::Parameter => format!("/{{p{at}}}"),
        Kind::Rest => format!("/{{*p{at}}}"),
    };
    route.iter().enumerate().map(segment).collect()
}

fn decoded(segment: &str) -> String {
    segment.replace("%61", "a").replace("%62", "b").replace("%2F", "/")
}

/// The values of the path's parameters by `route`, if it is of that.
fn values(route: &[Kind], path: &[&str]) -> Option<Vec<(usize, String)>> {
    let mut values = Vec::new();
    for (at, kind) in route.iter().enumerate() {
        match (kind, path.get(at)?) {
            (Kind::Rest, _) => {
                values.push((at, decoded(&path[at..].join("/"))));
                return Some(values);
            }
            (Kind::Literal(text), segment) if *text == decoded(segment) => {}
            (Kind::Parameter, segment) if !segment.is_empty() => values.push((at, decoded(segment))),
            _ => return None,
        }
    }
    (route.len() == path.len()).then_some(values)
}

/// What a router of these routes answers.
fn expected(routes: &[Vec<Kind>], path: &[&str]) -> String {
    let of_path = routes.iter().filter(|route| values(route, path).is_some());
    let ranks = |route: &&Vec<Kind>| route.iter().map(Kind::rank).collect::<Vec<_>>();
    match of_path.min_by_key(ranks) {
        None => "404".to_owned(),
        Some(route) => {
            let values = values(route, path).expect("it is of the path");
            let parameters: String = values.iter().map(|(at, value)| format!(" p{at}={value}")).collect();
            format!("{}{parameters} at /{}", written(route), path.join("/"))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_router_answers_as_a_slow_one_does(
        mut routes in prop::collection::vec(route(), 1..12),
        paths in prop::collection::vec(path(), 1..12),
    ) {
        let mut router = Router::new();
        let mut added: Vec<Vec<Kind>> = Vec::new();
        for route in routes.drain(..) {
            let path = written(&route);
            let outcome = router.try_on(Method::GET, &path, says(&path));
            prop_assert_eq!(outcome.is_err(), added.contains(&route), "{}", path);
            if outcome.is_ok() {
                added.push(route);
            }
        }
        for path in paths {
            let request = format!("GET /{}", path.join("/"));
            prop_assert_eq!(answer(&router, &request), expected(&added, &path), "{}", request);
        }
    }
}
