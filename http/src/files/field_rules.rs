//! Which fields the operator wants on which answers.
//!
//! In: rules, in order, and the file that is served. Out: its field lines, made once per file. Next: [`super::entry`].

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use globset::{Candidate, Glob, GlobBuilder, GlobMatcher};
use http::{HeaderName, HeaderValue, header};

use crate::fixed_fields::{FixedFields, OwnedField, is_owned};

/// One field for some answers. Of several rules for one name the last that applies is used, but all are of `Link`,
/// `Set-Cookie` and `Vary`.
///
/// ```
/// use selvedge_http::files::{FieldRule, FieldRules, FilePattern, RuleAnswers};
/// use selvedge_http::{HeaderValue, header};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rule = FieldRule {
///     files: FilePattern::glob("assets/**")?,
///     answers: RuleAnswers::Success,
///     name: header::CACHE_CONTROL,
///     value: Some(HeaderValue::from_static("max-age=31536000, immutable")),
/// };
/// let rules = FieldRules::new(&[rule])?;
/// let of_asset = rules.of_file(b"assets/logo.svg", &[]);
/// assert_eq!(of_asset.as_bytes(), b"cache-control: max-age=31536000, immutable\r\n");
/// assert!(rules.of_file(b"logo.svg", &[]).as_bytes().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRule {
    /// The files whose answers have it.
    pub files: FilePattern,
    /// Which of their answers.
    pub answers: RuleAnswers,
    /// The field's name; never one that the engine owns.
    pub name: HeaderName,
    /// Its value; `None`: the field of earlier rules is left out.
    pub value: Option<HeaderValue>,
}

/// The answers of a file that have a field.
///
/// ```
/// use selvedge_http::files::{FieldRule, FieldRules, FilePattern, RuleAnswers};
/// use selvedge_http::{HeaderValue, header};
///
/// let rule = |answers, name, value| {
///     FieldRule { files: FilePattern::All, answers, name, value: Some(HeaderValue::from_static(value)) }
/// };
/// let rules = FieldRules::new(&[
///     rule(RuleAnswers::All, header::X_FRAME_OPTIONS, "DENY"),
///     rule(RuleAnswers::Success, header::CACHE_CONTROL, "max-age=60"),
/// ])?;
/// let of_file = rules.of_file(b"index.html", &[]);
/// assert_eq!(of_file.as_bytes(), b"x-frame-options: DENY\r\ncache-control: max-age=60\r\n");
/// assert_eq!(rules.of_others().as_bytes(), b"x-frame-options: DENY\r\n");
/// # Ok::<(), selvedge_http::OwnedField>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAnswers {
    /// 200, 206 and 304.
    Success,
    /// These and the file as an error page; without a pattern, all answers.
    All,
}

/// Which files a rule is about, by the path of the file that is served, relative to the root.
///
/// ```
/// # use selvedge_http::files::{FieldRule, FieldRules, RuleAnswers};
/// # use selvedge_http::{HeaderValue, header};
/// use selvedge_http::files::FilePattern;
///
/// # fn matches(files: FilePattern, path: &str) -> bool {
/// #     let value = Some(HeaderValue::from_static("no-cache"));
/// #     let rule = FieldRule { files, answers: RuleAnswers::Success, name: header::CACHE_CONTROL, value };
/// #     let rules = FieldRules::new(&[rule]).expect("the engine does not own it");
/// #     !rules.of_file(path.as_bytes(), &[]).as_bytes().is_empty()
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fonts = FilePattern::glob("*.woff2")?;
/// let downloads = FilePattern::glob("/downloads/*")?;
/// // `matches` asks a rule with such a pattern.
/// assert!(matches(fonts.clone(), "theme/sans.woff2"));
/// assert!(matches(downloads.clone(), "downloads/1.zip") && !matches(downloads, "old/downloads/1.zip"));
/// assert!(!matches(fonts, "sans.woff2.txt") && matches(FilePattern::All, "sans.woff2.txt"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePattern {
    /// Every file, and what is no file.
    All,
    /// Those that match.
    Glob(Glob),
}

impl FilePattern {
    /// A pattern as in `.gitignore`: without a slash it is about the file's name, with one about its whole path; `*` and
    /// `?` do not match a slash, `**` does; `{a,b}` and `[a-z]` are known.
    ///
    /// # Errors
    /// Why it is no pattern.
    pub fn glob(pattern: &str) -> Result<Self, globset::Error> {
        let whole = match pattern.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None if pattern.contains('/') => pattern.to_owned(),
            None => format!("**/{pattern}"),
        };
        GlobBuilder::new(&whole).literal_separator(true).build().map(Self::Glob)
    }
}

/// Different sets of fields that are remembered, so that the files that have the same share them. More are each their own.
const SETS_MAX: usize = 256;

/// The rules of a site, ready to be asked.
///
/// ```
/// use selvedge_http::files::{FieldRule, FieldRules, FilePattern, RuleAnswers};
/// use selvedge_http::{HeaderValue, header};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let caching = |files, value| {
///     let value = Some(HeaderValue::from_static(value));
///     FieldRule { files, answers: RuleAnswers::Success, name: header::CACHE_CONTROL, value }
/// };
/// // The last that applies is used.
/// let hour = caching(FilePattern::All, "max-age=3600");
/// let rules = FieldRules::new(&[hour, caching(FilePattern::glob("*.html")?, "no-cache")])?;
/// assert_eq!(rules.of_file(b"logo.svg", &[]).as_bytes(), b"cache-control: max-age=3600\r\n");
/// assert_eq!(rules.of_file(b"docs/index.html", &[]).as_bytes(), b"cache-control: no-cache\r\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FieldRules {
    rules: Vec<(Option<GlobMatcher>, FieldRule)>,
    sets: RefCell<Vec<FixedFields>>,
}

impl FieldRules {
    /// Rules in their order.
    ///
    /// # Errors
    /// The first field that the engine owns.
    pub fn new(rules: &[FieldRule]) -> Result<Self, OwnedField> {
        if let Some(rule) = rules.iter().find(|rule| is_owned(&rule.name)) {
            return Err(OwnedField(rule.name.clone()));
        }
        let ready = |rule: &FieldRule| match &rule.files {
            FilePattern::All => (None, rule.clone()),
            FilePattern::Glob(glob) => (Some(glob.compile_matcher()), rule.clone()),
        };
        Ok(Self { rules: rules.iter().map(ready).collect(), sets: RefCell::default() })
    }

    /// What a file says that is served with 200, 206 or 304; `own` goes first.
    pub fn of_file(&self, path: &[u8], own: &[(HeaderName, HeaderValue)]) -> FixedFields {
        self.collect(own, |matcher, _| matches(matcher, path))
    }

    /// What a file says that is served as an error page.
    pub fn of_page(&self, path: &[u8], own: &[(HeaderName, HeaderValue)]) -> FixedFields {
        self.collect(own, |matcher, rule| rule.answers == RuleAnswers::All && matches(matcher, path))
    }

    /// What a file says that is served with success in the place of others that are not there, to whom it accepts pages
    /// from: by the rules of a page, and never to be used again without asking, whatever the rules say of success.
    pub fn of_fallback(&self, path: &[u8], own: &[(HeaderName, HeaderValue)]) -> FixedFields {
        let mut own = own.to_vec();
        match own.iter_mut().find(|(name, _)| *name == header::VARY) {
            Some((_, value)) => {
                let both = format!("Accept, {}", value.to_str().unwrap_or("*"));
                *value = HeaderValue::from_str(&both).expect("it is made of field names");
            }
            None => own.push((header::VARY, HeaderValue::from_static("Accept"))),
        }
        own.push((header::CACHE_CONTROL, HeaderValue::from_static("no-cache")));
        self.collect(&own, |matcher, rule| {
            rule.answers == RuleAnswers::All && rule.name != header::CACHE_CONTROL && matches(matcher, path)
        })
    }

    /// What an answer says that is no file: an error, a redirect.
    pub fn of_others(&self) -> FixedFields {
        self.collect(&[], |matcher, rule| rule.answers == RuleAnswers::All && matcher.is_none())
    }

    /// What the listing of a directory says: as others, but a policy for content in `own` stands alone, since those of the
    /// rules are about the site's pages, and it is never to be used again without asking unless a rule of all answers says
    /// otherwise.
    pub fn of_listing(&self, own: &[(HeaderName, HeaderValue)]) -> FixedFields {
        let applies = |matcher: Option<&GlobMatcher>, rule: &FieldRule| {
            let is_own = |(name, _): &(HeaderName, HeaderValue)| *name == rule.name;
            let replaced = rule.name == header::CONTENT_SECURITY_POLICY && own.iter().any(is_own);
            rule.answers == RuleAnswers::All && matcher.is_none() && !replaced
        };
        let says = |rule: &FieldRule| rule.name == header::CACHE_CONTROL;
        let mut own = own.to_vec();
        if !self.rules.iter().any(|(matcher, rule)| says(rule) && applies(matcher.as_ref(), rule)) {
            own.push((header::CACHE_CONTROL, HeaderValue::from_static("no-cache")));
        }
        self.collect(&own, applies)
    }

    fn collect(
        &self,
        own: &[(HeaderName, HeaderValue)],
        applies: impl Fn(Option<&GlobMatcher>, &FieldRule) -> bool,
    ) -> FixedFields {
        let mut fields: Vec<(&HeaderName, &HeaderValue)> = Vec::new();
        for (matcher, rule) in &self.rules {
            if !applies(matcher.as_ref(), rule) {
                continue;
            }
            // What an answer varies by is so whatever else is said.
            let adds = [header::LINK, header::SET_COOKIE, header::VARY].contains(&rule.name);
            if !adds || rule.value.is_none() && rule.name != header::VARY {
                fields.retain(|(name, _)| **name != rule.name);
            }
            fields.extend(rule.value.as_ref().map(|value| (&rule.name, value)));
        }
        let own = own.iter().map(|(name, value)| (name, value));
        let fields = FixedFields::new(own.chain(fields)).expect("no rule is about a field of the engine");
        self.shared(fields)
    }

    /// The same fields as an earlier file's, if one had them.
    fn shared(&self, fields: FixedFields) -> FixedFields {
        let mut sets = self.sets.borrow_mut();
        if let Some(same) = sets.iter().find(|same| **same == fields) {
            return same.clone();
        }
        if sets.len() < SETS_MAX {
            sets.push(fields.clone());
        }
        fields
    }
}

fn matches(matcher: Option<&GlobMatcher>, path: &[u8]) -> bool {
    matcher.is_none_or(|matcher| matcher.is_match_candidate(&Candidate::new(OsStr::from_bytes(path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: Option<&str>, name: &'static str, value: &str) -> FieldRule {
        FieldRule {
            files: pattern.map_or(FilePattern::All, |pattern| FilePattern::glob(pattern).unwrap()),
            answers: RuleAnswers::All,
            name: HeaderName::from_static(name),
            value: (!value.is_empty()).then(|| value.parse().unwrap()),
        }
    }

    fn text(fields: &FixedFields) -> &str {
        str::from_utf8(fields.as_bytes()).unwrap()
    }

    #[test]
    fn a_pattern_is_about_the_name_or_about_the_path() {
        for (pattern, matching, others) in [
            ("*.js", &["a.js", "d/e/a.js", ".js", "d/\u{fc}.js"][..], &["a.jsx", "a.js/b"][..]),
            ("/*.js", &["a.js"], &["d/a.js"]),
            ("assets/**", &["assets/a", "assets/d/a"], &["assets", "b/assets/a", "xassets/a"]),
            ("assets/*", &["assets/a"], &["assets/d/a"]),
            ("**/x/*.{css,js}", &["x/a.css", "a/b/x/y.js"], &["x/a.png", "x/y/a.js"]),
            ("a?.[tT]xt", &["ab.txt", "d/ac.Txt"], &["a.txt", "a/.txt"]),
        ] {
            let rules = FieldRules::new(&[rule(Some(pattern), "x-a", "1")]).unwrap();
            for path in matching {
                assert_eq!(text(&rules.of_file(path.as_bytes(), &[])), "x-a: 1\r\n", "{pattern} on {path}");
            }
            for path in others {
                assert_eq!(text(&rules.of_file(path.as_bytes(), &[])), "", "{pattern} on {path}");
            }
        }
        assert!(FilePattern::glob("a[").is_err());
    }

    #[test]
    fn a_listing_is_not_kept_and_its_own_policy_stands_alone() {
        let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
        let own = [(header::VARY, HeaderValue::from_static("Accept")), policy];
        let rules = [
            rule(None, "content-security-policy", "default-src 'self'"),
            rule(None, "vary", "Origin"),
            rule(Some("*.html"), "x-a", "1"),
            FieldRule { answers: RuleAnswers::Success, ..rule(None, "cache-control", "max-age=1") },
        ];
        let rules = FieldRules::new(&rules).unwrap();
        let listing = rules.of_listing(&own);
        let expected = "vary: Accept\r\ncontent-security-policy: default-src 'none'\r\n\
            cache-control: no-cache\r\nvary: Origin\r\n";
        assert_eq!(text(&listing), expected);
        let expected = "cache-control: no-cache\r\n\
            content-security-policy: default-src 'self'\r\nvary: Origin\r\n";
        assert_eq!(text(&rules.of_listing(&[])), expected);
        let rules = FieldRules::new(&[rule(None, "cache-control", "max-age=2")]).unwrap();
        assert_eq!(text(&rules.of_listing(&[])), "cache-control: max-age=2\r\n");
    }

    #[test]
    fn names_that_are_no_text_match_too() {
        let rules = FieldRules::new(&[rule(Some("*.js"), "x-a", "1")]).unwrap();
        assert_eq!(text(&rules.of_file(b"\xff.js", &[])), "x-a: 1\r\n");
    }

    #[test]
    fn the_last_rule_of_a_name_is_used() {
        let rules = [
            rule(None, "x-a", "1"),
            rule(None, "link", "<a>"),
            rule(Some("*.js"), "x-a", "2"),
            rule(None, "link", "<b>"),
            rule(Some("*.css"), "x-a", ""),
        ];
        let rules = FieldRules::new(&rules).unwrap();
        let links = "link: <a>\r\nlink: <b>\r\n";
        assert_eq!(text(&rules.of_file(b"a", &[])), format!("x-a: 1\r\n{links}"));
        assert_eq!(text(&rules.of_others()), format!("x-a: 1\r\n{links}"));
        assert_eq!(text(&rules.of_file(b"a.js", &[])), "link: <a>\r\nx-a: 2\r\nlink: <b>\r\n");
        assert_eq!(text(&rules.of_file(b"a.css", &[])), links);
    }

    #[test]
    fn rules_for_success_stay_off_errors() {
        let success = FieldRule { answers: RuleAnswers::Success, ..rule(None, "cache-control", "no-cache") };
        let rules = FieldRules::new(&[success, rule(Some("*.html"), "x-a", "1")]).unwrap();
        let own = [(header::VARY, HeaderValue::from_static("Origin"))];
        assert_eq!(
            text(&rules.of_file(b"404.html", &own)),
            "vary: Origin\r\ncache-control: no-cache\r\nx-a: 1\r\n"
        );
        assert_eq!(text(&rules.of_page(b"404.html", &own)), "vary: Origin\r\nx-a: 1\r\n");
        assert_eq!(text(&rules.of_others()), "");
        assert_eq!(
            text(&rules.of_fallback(b"index.html", &own)),
            "vary: Accept, Origin\r\ncache-control: no-cache\r\nx-a: 1\r\n"
        );
    }

    #[test]
    fn fields_of_the_engine_are_refused() {
        assert!(FieldRules::new(&[rule(None, "content-length", "1")]).is_err());
    }
}
