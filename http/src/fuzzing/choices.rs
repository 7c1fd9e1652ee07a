//! Octets taken for choices, so that a fuzzer which changes octets changes what is composed of them.

/// One octet is one choice; when they have run out, every choice is the first one, so that composing ends.
pub(super) struct Choices<'b> {
    rest: &'b [u8],
}

impl<'b> Choices<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Choices { rest: bytes }
    }

    /// Whether all octets are used up.
    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// A number below `bound`, which is 1 to 256.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        match self.rest {
            [byte, rest @ ..] => {
                self.rest = rest;
                usize::from(*byte) % bound
            }
            [] => 0,
        }
    }

    /// True in one of `bound` cases, never for lack of choices.
    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == bound - 1
    }

    /// One of `options`.
    pub(super) fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())]
    }

    /// `text` with some of its letters in the other case.
    pub(super) fn recase(&mut self, text: &str) -> String {
        let mask = self.below(256);
        let recase = |(index, letter): (usize, char)| match mask >> (index % 8) & 1 {
            1 if letter.is_ascii_lowercase() => letter.to_ascii_uppercase(),
            1 => letter.to_ascii_lowercase(),
            _ => letter,
        };
        text.chars().enumerate().map(recase).collect()
    }

    /// Whitespace that may stand around a value or between the elements of a list.
    pub(super) fn whitespace(&mut self) -> &'static str {
        self.pick(&["", " ", "\t", " \t "])
    }

    /// The elements as a list of one to several lines, with whitespace and empty elements that mean nothing.
    pub(super) fn list_lines(&mut self, elements: &[String]) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut line_is_empty = true;
        for element in elements {
            if !line_is_empty && self.one_in(4) {
                lines.push(String::new());
                line_is_empty = true;
            }
            let (before, after) = (self.whitespace(), self.whitespace());
            let separator =
                if line_is_empty { self.pick(&["", ",", " ,,"]) } else { self.pick(&[",", ",\t,", ",,"]) };
            let line = lines.last_mut().expect("there is always a line");
            line.push_str(&format!("{separator}{before}{element}{after}"));
            line_is_empty = false;
        }
        if self.one_in(4) {
            lines.last_mut().expect("there is always a line").push(',');
        }
        lines
    }
}
