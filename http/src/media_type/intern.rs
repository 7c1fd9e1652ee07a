//! Texts that live as long as the process.

use std::collections::BTreeSet;
use std::sync::Mutex;

/// The text as a static one. Every text is kept once: they come from the configuration, whose length bounds them.
pub(super) fn intern(text: String) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = texts.get(text.as_str()) {
        return known;
    }
    let text: &'static str = String::leak(text);
    texts.insert(text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once() {
        let first = intern("text/x-interned".to_owned());
        assert!(std::ptr::eq(first, intern("text/x-interned".to_owned())));
    }
}
