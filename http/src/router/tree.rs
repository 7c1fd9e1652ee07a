//! Which pattern a path is of. In: a path as it was sent. Out: what stands at the pattern, and the values of its parameters.
//!
//! A tree of segments. Where a segment may be more than one thing, the more certain comes first: a literal, then a parameter,
//! then the rest of the path; what leads to nothing is given up for the next. There is one way to each node, and each stands
//! at one depth, so a path of whatever length looks at no node twice. Nothing is allocated.

use std::cmp::Ordering;

use super::pattern::{PARAMETERS_MAX, Pattern, Segment, is_same};

/// Values by patterns.
#[derive(Debug)]
pub(super) struct Tree<T>(Node<T>);

#[derive(Debug)]
struct Node<T> {
    /// Sorted by their lengths, then by their octets: most are told apart by a number.
    literals: Vec<Branch<T>>,
    parameter: Option<Box<Node<T>>>,
    /// Of the pattern that has all the rest of the path here.
    rest: Option<T>,
    /// Of the pattern that ends here.
    value: Option<T>,
}

/// What follows a literal.
#[derive(Debug)]
struct Branch<T> {
    literal: Box<[u8]>,
    node: Box<Node<T>>,
}

/// The values of a path's parameters as they were sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Values<'p> {
    values: [&'p [u8]; PARAMETERS_MAX],
    count: usize,
}

impl<T> Tree<T> {
    /// The place of a pattern. Patterns that differ in the names of their parameters alone have the same.
    pub(super) fn place(&mut self, pattern: &Pattern) -> &mut Option<T> {
        let mut node = &mut self.0;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(literal) => node.literal_or_new(literal),
                Segment::Parameter => node.parameter.get_or_insert_default(),
                Segment::Rest => return &mut node.rest,
            };
        }
        &mut node.value
    }

    /// What stands at the pattern of `path`, the most certain of those that it is of.
    pub(super) fn find<'p>(&self, path: &'p [u8], values: &mut Values<'p>) -> Option<&T> {
        self.0.find(Some(path.strip_prefix(b"/")?), values)
    }

    /// All that stands in it.
    pub(super) fn into_values(self) -> Vec<T> {
        let mut values = Vec::new();
        self.0.collect_into(&mut values);
        values
    }
}

impl<T> Node<T> {
    fn literal_or_new(&mut self, literal: &[u8]) -> &mut Self {
        let at = self.search(literal).unwrap_or_else(|at| {
            self.literals.insert(at, Branch { literal: literal.into(), node: Box::default() });
            at
        });
        &mut self.literals[at].node
    }

    /// `left` is what follows the slash behind the segments so far, `None` where none follows. The recursion is as deep as the
    /// longest pattern, however long the path is.
    fn find<'p>(&self, left: Option<&'p [u8]>, values: &mut Values<'p>) -> Option<&T> {
        let Some(left) = left else { return self.value.as_ref() };
        let (segment, after) = match memchr::memchr(b'/', left) {
            Some(end) => (&left[..end], Some(&left[end + 1..])),
            None => (left, None),
        };
        if let Some(node) = self.literal(segment)
            && let Some(found) = node.find(after, values)
        {
            return Some(found);
        }
        if let Some(node) = &self.parameter
            && !segment.is_empty()
        {
            values.push(segment);
            if let Some(found) = node.find(after, values) {
                return Some(found);
            }
            values.pop();
        }
        let found = self.rest.as_ref()?;
        values.push(left);
        Some(found)
    }

    fn literal(&self, segment: &[u8]) -> Option<&Self> {
        let branch = match self.search(segment) {
            Ok(at) => Some(&self.literals[at]),
            Err(_) if !self.literals.is_empty() && memchr::memchr(b'%', segment).is_some() => {
                self.literals.iter().find(|branch| is_same(&branch.literal, segment))
            }
            Err(_) => None,
        };
        branch.map(|branch| &*branch.node)
    }

    /// Where a literal is, or would be.
    fn search(&self, text: &[u8]) -> Result<usize, usize> {
        self.literals.binary_search_by(|Branch { literal, .. }| match literal.len().cmp(&text.len()) {
            // None has an address of no page, and memcmp's masked loads from one take 100 ns, though they load nothing.
            Ordering::Equal if text.is_empty() => Ordering::Equal,
            Ordering::Equal => (**literal).cmp(text),
            differs => differs,
        })
    }

    fn collect_into(self, values: &mut Vec<T>) {
        values.extend(self.value);
        values.extend(self.rest);
        for branch in self.literals {
            branch.node.collect_into(values);
        }
        if let Some(node) = self.parameter {
            node.collect_into(values);
        }
    }
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self(Node::default())
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: Vec::new(), parameter: None, rest: None, value: None }
    }
}

impl<'p> Values<'p> {
    /// There is room: a pattern has at most as many parameters.
    fn push(&mut self, value: &'p [u8]) {
        self.values[self.count] = value;
        self.count += 1;
    }

    fn pop(&mut self) {
        self.count -= 1;
    }

    pub(super) fn as_slice(&self) -> &[&'p [u8]] {
        &self.values[..self.count]
    }
}
