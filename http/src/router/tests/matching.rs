//! Which route a path is of.

use super::{check, router_of};

#[test]
fn literals_are_paths_of_themselves_alone() {
    let router = router_of(&["GET /", "GET /a", "GET /a/b", "GET /a/c/", "GET /users", "GET /users/list"]);
    check(
        &router,
        "GET / -> GET / at /
         GET /a -> GET /a at /a
         GET /a/ -> 404
         GET //a -> 404
         GET /A -> 404
         GET /a/b -> GET /a/b at /a/b
         GET /a/b/ -> 404
         GET /a//b -> 404
         GET /a/c -> 404
         GET /a/c/ -> GET /a/c/ at /a/c/
         GET /a/c// -> 404
         GET /a/c/d -> 404
         GET /ab -> 404
         GET /b -> 404
         GET // -> 404
         GET /users -> GET /users at /users
         GET /user -> 404
         GET /userss -> 404
         GET /users/list -> GET /users/list at /users/list
         GET /users/lis -> 404
         GET /a/. -> 404
         GET /a/./b -> 404
         GET /a/../a -> 404
         GET /.. -> 404
         GET /a?b -> GET /a at /a
         GET /?/a -> GET / at /
         GET http://a -> GET / at /
         GET http://a/a?x -> GET /a at /a",
    );
}

#[test]
fn a_segment_is_compared_decoded_and_a_slash_in_it_is_none() {
    let router = router_of(&[
        "GET /a",
        "GET /a/b",
        "GET /a b",
        "GET /x%2Fy",
        "GET /caf\u{e9}",
        "GET /100%",
        "GET /{{x}}",
        "GET /%2e%2e/z",
    ]);
    check(
        &router,
        "GET /%61 -> GET /a at /%61
         GET /%61/b -> GET /a/b at /%61/b
         GET /a/%62 -> GET /a/b at /a/%62
         GET /%61/%62 -> GET /a/b at /%61/%62
         GET /a%2Fb -> 404
         GET /a%2fb -> 404
         GET /%2Fa -> 404
         GET /a%20b -> GET /a b at /a%20b
         GET /a+b -> 404
         GET /x%2Fy -> GET /x%2Fy at /x%2Fy
         GET /x%2fy -> GET /x%2Fy at /x%2fy
         GET /%78%2fy -> GET /x%2Fy at /%78%2fy
         GET /x/y -> 404
         GET /x%252Fy -> 404
         GET /caf%C3%A9 -> GET /caf\u{e9} at /caf%C3%A9
         GET /caf%c3%a9 -> GET /caf\u{e9} at /caf%c3%a9
         GET /%63af%c3%A9 -> GET /caf\u{e9} at /%63af%c3%A9
         GET /caf%E9 -> 404
         GET /cafe -> 404
         GET /100% -> GET /100% at /100%
         GET /100%25 -> GET /100% at /100%25
         GET /100%2 -> 404
         GET /%7Bx%7D -> GET /{{x}} at /%7Bx%7D
         GET /x -> 404
         GET /../z -> GET /%2e%2e/z at /../z
         GET /%2E./z -> GET /%2e%2e/z at /%2E./z",
    );
}

#[test]
fn a_parameter_is_one_segment_that_is_not_empty() {
    let router =
        router_of(&["GET /u/{id}", "GET /u/{id}/", "GET /u/{id}/posts/{post}", "GET /{a}/{b}/{c}/x"]);
    check(
        &router,
        "GET /u/7 -> GET /u/{id} id=7 at /u/7
         GET /u/7/ -> GET /u/{id}/ id=7 at /u/7/
         GET /u/ -> 404
         GET /u// -> 404
         GET /u -> 404
         GET /u/7/posts -> 404
         GET /u/7/posts/ -> 404
         GET /u/7/posts/8 -> GET /u/{id}/posts/{post} id=7 post=8 at /u/7/posts/8
         GET /u/7/posts/8/ -> 404
         GET /u//posts/8 -> 404
         GET /u/7//posts/8 -> 404
         GET /u/. -> GET /u/{id} id=. at /u/.
         GET /u/.. -> GET /u/{id} id=.. at /u/..
         GET /u/a%2Fb -> GET /u/{id} id=a/b at /u/a%2Fb
         GET /u/a%2fb/ -> GET /u/{id}/ id=a/b at /u/a%2fb/
         GET /u/%2F -> GET /u/{id} id=/ at /u/%2F
         GET /u/a%20b -> GET /u/{id} id=a b at /u/a%20b
         GET /u/a+b -> GET /u/{id} id=a+b at /u/a+b
         GET /u/%25 -> GET /u/{id} id=% at /u/%25
         GET /u/% -> GET /u/{id} id=% at /u/%
         GET /u/%zz -> GET /u/{id} id=%zz at /u/%zz
         GET /u/%E2%82%AC -> GET /u/{id} id=\u{20ac} at /u/%E2%82%AC
         GET /u/a;b=c -> GET /u/{id} id=a;b=c at /u/a;b=c
         GET /u/id?id=9 -> GET /u/{id} id=id at /u/id
         GET /1/2/3/x -> GET /{a}/{b}/{c}/x a=1 b=2 c=3 at /1/2/3/x
         GET /1/2//x -> 404
         GET /u/2/3/x -> GET /{a}/{b}/{c}/x a=u b=2 c=3 at /u/2/3/x
         GET /1/2/3/y -> 404",
    );
}

#[test]
fn a_rest_is_all_that_follows_a_slash() {
    let router = router_of(&["GET /files/{*path}", "GET /{lang}/wiki/{*page}"]);
    check(
        &router,
        "GET /files -> 404
         GET /files/ -> GET /files/{*path} path= at /files/
         GET /files/a -> GET /files/{*path} path=a at /files/a
         GET /files/a/ -> GET /files/{*path} path=a/ at /files/a/
         GET /files/a/b/c -> GET /files/{*path} path=a/b/c at /files/a/b/c
         GET /files//a -> GET /files/{*path} path=/a at /files//a
         GET /files// -> GET /files/{*path} path=/ at /files//
         GET /files/../etc -> GET /files/{*path} path=../etc at /files/../etc
         GET /files/a%2Fb/c%20d -> GET /files/{*path} path=a/b/c d at /files/a%2Fb/c%20d
         GET /filesx/a -> 404
         GET /en/wiki/ -> GET /{lang}/wiki/{*page} lang=en page= at /en/wiki/
         GET /en/wiki/a/b -> GET /{lang}/wiki/{*page} lang=en page=a/b at /en/wiki/a/b
         GET /en/wiki -> 404
         GET /files/wiki/x -> GET /files/{*path} path=wiki/x at /files/wiki/x",
    );
    let all = router_of(&["GET /{*all}"]);
    check(
        &all,
        "GET / -> GET /{*all} all= at /
         GET // -> GET /{*all} all=/ at //
         GET /a -> GET /{*all} all=a at /a
         GET /a/b/ -> GET /{*all} all=a/b/ at /a/b/",
    );
}

#[test]
fn the_most_certain_route_answers_whatever_their_order() {
    let mut routes = [
        "GET /{*rest}",
        "GET /{a}",
        "GET /me",
        "GET /{a}/b",
        "GET /me/{b}",
        "GET /me/b",
        "GET /{a}/{b}",
        "GET /me/{*rest}",
        "GET /me/",
        "GET /x/y/z/{id}",
        "GET /x/{*rest}",
        "GET /{a}/y/{c}/w",
    ];
    for _ in 0..routes.len() {
        routes.rotate_left(1);
        check(
            &router_of(&routes),
            "GET / -> GET /{*rest} rest= at /
             GET /me -> GET /me at /me
             GET /m%65 -> GET /me at /m%65
             GET /you -> GET /{a} a=you at /you
             GET /mee -> GET /{a} a=mee at /mee
             GET /me/ -> GET /me/ at /me/
             GET /you/ -> GET /{*rest} rest=you/ at /you/
             GET /me/b -> GET /me/b at /me/b
             GET /me/c -> GET /me/{b} b=c at /me/c
             GET /you/b -> GET /{a}/b a=you at /you/b
             GET /you/c -> GET /{a}/{b} a=you b=c at /you/c
             GET /me/b/ -> GET /me/{*rest} rest=b/ at /me/b/
             GET /me/b/c -> GET /me/{*rest} rest=b/c at /me/b/c
             GET /me//b -> GET /me/{*rest} rest=/b at /me//b
             GET /you/b/c -> GET /{*rest} rest=you/b/c at /you/b/c
             GET /x/y/z/1 -> GET /x/y/z/{id} id=1 at /x/y/z/1
             GET /x/y/z -> GET /x/{*rest} rest=y/z at /x/y/z
             GET /x/y/z/w -> GET /x/y/z/{id} id=w at /x/y/z/w
             GET /x/y/q/w -> GET /x/{*rest} rest=y/q/w at /x/y/q/w
             GET /q/y/q/w -> GET /{a}/y/{c}/w a=q c=q at /q/y/q/w
             GET /q/y/q/v -> GET /{*rest} rest=q/y/q/v at /q/y/q/v
             GET // -> GET /{*rest} rest=/ at //
             GET /%2F -> GET /{a} a=/ at /%2F",
        );
    }
}

#[test]
fn what_leads_nowhere_is_given_up_with_its_parameters() {
    let router = router_of(&["GET /{a}/{b}/{c}/end", "GET /{x}/mid/{*rest}", "GET /one/{p}/{q}/{r}/{s}"]);
    check(
        &router,
        "GET /one/mid/z/end -> GET /{x}/mid/{*rest} x=one rest=z/end at /one/mid/z/end
         GET /one/2/3/end -> GET /{a}/{b}/{c}/end a=one b=2 c=3 at /one/2/3/end
         GET /one/2/3/4 -> 404
         GET /one/2/3/4/5 -> GET /one/{p}/{q}/{r}/{s} p=2 q=3 r=4 s=5 at /one/2/3/4/5
         GET /one/mid/3/4/5 -> GET /one/{p}/{q}/{r}/{s} p=mid q=3 r=4 s=5 at /one/mid/3/4/5
         GET /one/mid/3/4/5/6 -> GET /{x}/mid/{*rest} x=one rest=3/4/5/6 at /one/mid/3/4/5/6
         GET /1/mid/3/end -> GET /{x}/mid/{*rest} x=1 rest=3/end at /1/mid/3/end
         GET /1/2/3/end -> GET /{a}/{b}/{c}/end a=1 b=2 c=3 at /1/2/3/end",
    );
}

#[test]
fn names_of_parameters_are_each_routes_own() {
    let router = router_of(&["GET /{id}", "POST /{name}", "GET /{user}/posts", "GET /{owner}/files/{id}"]);
    check(
        &router,
        "GET /7 -> GET /{id} id=7 at /7
         HEAD /7 -> GET /{id} id=7 at /7
         POST /7 -> POST /{name} name=7 at /7
         GET /7/posts -> GET /{user}/posts user=7 at /7/posts
         GET /7/files/8 -> GET /{owner}/files/{id} owner=7 id=8 at /7/files/8",
    );
}

#[test]
fn eight_parameters_fit() {
    let router =
        router_of(&["GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}", "GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/x/{*r}"]);
    check(
        &router,
        "GET /1/2/3/4/5/6/7/8 -> GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h} a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 at /1/2/3/4/5/6/7/8
         GET /1/2/3/4/5/6/7/x -> GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h} a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=x at /1/2/3/4/5/6/7/x
         GET /1/2/3/4/5/6/7/x/8/9 -> GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/x/{*r} a=1 b=2 c=3 d=4 e=5 f=6 g=7 r=8/9 at /1/2/3/4/5/6/7/x/8/9
         GET /1/2/3/4/5/6/7 -> 404",
    );
}

#[test]
fn a_path_is_as_long_as_the_client_likes() {
    let router = router_of(&["GET /{a}/{b}", "GET /x/{*rest}"]);
    let long = "/y".repeat(2_000);
    check(
        &router,
        &format!("GET {long} -> 404\n GET /x{long} -> GET /x/{{*rest}} rest={} at /x{long}", &long[1..]),
    );
}
