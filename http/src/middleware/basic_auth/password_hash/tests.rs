use proptest::prelude::*;

use super::*;

/// Hashes of "secret" by htpasswd(1) and `openssl passwd`.
const SECRET: [&str; 6] = [
    "$2y$04$NBzEtW3Wrb/zTIUMaiIAtu9n1/w.lEcLpjKfKTxO/3ghf1pPWK98q",
    "$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/",
    "$5$LGMsHIFmPCsniDen$i2tdvQDYkXsFzybC1HFbGtLJYYa.b6Vu/0izea5B/u1",
    "$5$abc$qsg6EHbUzHQzF1POlD7zUwBINSELQxypPaeDcZe6vH0",
    "$6$p8kzjbuRUKp/2Owx$NlY7rTaUikSm0KzvitYV8NG3GBiyDP2g3Yr1inw7yG/Uc6YuXve2oS/k2KoFEooH2DhmBYLvRn36vLnXgQ4ZY.",
    "$6$abcdefghijklmnop$J/AWykHqo2Tx5UtavGnFc3ytI33la50JpzLTarSWVhkIXK6wOjNwwZjsrIw2UgmrER2EKrSHCeQyAINEEXAk1/",
];

fn hash(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad:?}"))
}

#[test]
fn the_password_of_each_form_is_known_and_no_other() {
    for text in SECRET {
        let hash = hash(text);
        assert!(hash.verify(b"secret"), "{text}");
        for wrong in [&b"Secret"[..], b"secre", b"secret ", b"", b"secret\xff"] {
            assert!(!hash.verify(wrong), "{text} {}", wrong.escape_ascii());
        }
    }
}

#[test]
fn every_prefix_of_bcrypt_is_the_same_form() {
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        assert!(hash(&SECRET[0].replace("$2y$", prefix)).verify(b"secret"), "{prefix}");
    }
    assert!(PasswordHash::parse(&SECRET[0].replace("$2y$", "$2x$")).is_err());
}

#[test]
fn rounds_are_read_within_bounds() {
    // A vector of the form's own description.
    let vector = "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA";
    assert!(hash(vector).verify(b"Hello world!") && !hash(vector).verify(b"Hello world"));
    for (rounds, what) in [
        ("999", "999 rounds are not from 1000 to 2000000"),
        ("2000001", "2000001 rounds are not from"),
        ("", "cut or damaged"),
        ("99999999999", "cut or damaged"),
    ] {
        let bad = PasswordHash::parse(&vector.replace("10000", rounds)).unwrap_err();
        assert!(bad.what.contains(what), "{bad:?}");
    }
}

#[test]
fn a_cost_beyond_patience_is_refused() {
    assert!(PasswordHash::parse(&SECRET[0].replace("$04$", "$15$")).is_ok());
    for (cost, what) in
        [("16", "a cost of 16 takes minutes"), ("31", "a cost of 31"), ("03", "a cost below 4")]
    {
        let bad = PasswordHash::parse(&SECRET[0].replace("$04$", &format!("${cost}$"))).unwrap_err();
        assert!(bad.what.contains(what), "{bad:?}");
    }
}

#[test]
fn other_forms_are_told_apart_and_never_repeated() {
    for (text, what) in [
        ("", "there is no password"),
        ("{SHA}oPFJCiDQIRyZe0S8NX4Zct6riuM=", "SHA-1 without salt"),
        ("{SSHA}oPFJCiDQIRyZe0S8NX4Zct6riuM=", "an LDAP form"),
        ("$1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "the system's MD5 form"),
        ("$y$j9T$abc$def", "not known here"),
        ("$argon2id$v=19$m=4096,t=3,p=1$c2FsdA$aGFzaA", "not known here"),
        ("X30Sl2qhwPVKk", "DES crypt"),
        ("hunter2", "not hashed"),
        ("hunter2$5$abc", "not hashed"),
        ("$$", "not known here"),
    ] {
        let bad = PasswordHash::parse(text).unwrap_err();
        assert!(bad.what.contains(what), "{text}: {bad:?}");
        assert!(bad.fix.contains("htpasswd -B"), "{bad:?}");
        assert!(text.len() < 6 || !format!("{bad:?}").contains(text), "{bad:?}");
    }
}

#[test]
fn damaged_hashes_are_refused() {
    for text in SECRET {
        for damaged in [
            text[..text.len() - 1].to_owned(),
            format!("{text}a"),
            format!("{text}$"),
            text.replacen('$', "$$", 1),
            text.replace(&text[text.len() - 2..], "é"),
            format!("{}!{}", &text[..text.len() - 3], &text[text.len() - 2..]),
        ] {
            assert!(PasswordHash::parse(&damaged).is_err(), "{damaged}");
        }
    }
    for cut in ["$apr1", "$apr1$", "$5", "$5$", "$6", "$6$rounds=5000", "$2y", "$2y$", "$"] {
        assert!(PasswordHash::parse(cut).is_err(), "{cut}");
    }
    let empty_salt = SECRET[3].replace("$abc$", "$$");
    assert!(PasswordHash::parse(&empty_salt).is_err());
}

#[test]
fn a_hash_is_not_shown_when_it_is_debugged() {
    let shown = format!("{:?}", SECRET.map(hash));
    assert_eq!(shown, "[Bcrypt, Apr1, ShaCrypt, ShaCrypt, ShaCrypt, ShaCrypt]");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(
        begin in prop::sample::select(vec!["", "$2y$", "$2y$04$", "$5$", "$6$rounds=", "$apr1$", "{SHA}"]),
        rest in "\\PC{0,100}",
    ) {
        let _ = PasswordHash::parse(&format!("{begin}{rest}"));
    }
}
