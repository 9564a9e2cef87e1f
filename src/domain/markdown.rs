//! Markdown, read into a small tree of words. A tree can say only what is named here, so nothing in a text can become a
//! script, an image or a link to anything but a page or a mailbox, whatever a reader makes of it.

mod bare;
mod links;
mod reader;

use serde::Serialize;
use utoipa::ToSchema;

/// Elements that lie in one another at most; what lies deeper is told as the text in it.
pub const DEPTH: usize = 32;

/// One block of a text, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub element: Element,
    /// Characters (Unicode scalar values) of the text up to the end of its last line, so that what comes after it can be
    /// read by itself.
    #[schema(example = 31)]
    pub end: usize,
}

/// A run of text, or an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Node {
    /// Text as it is shown.
    Text(String),
    /// Something that holds text.
    #[schema(no_recursion)]
    Element(Element),
}

/// What text can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Element {
    /// A paragraph. Line ends in it are as written.
    Paragraph {
        /// What stands in it.
        children: Vec<Node>,
    },
    /// A heading.
    Heading {
        /// From 1, the highest, to 6.
        #[schema(minimum = 1, maximum = 6)]
        level: u8,
        /// What stands in it.
        children: Vec<Node>,
    },
    /// What is quoted.
    Quote {
        /// Its blocks.
        children: Vec<Node>,
    },
    /// A list; without a start it is not numbered.
    List {
        /// The number of its first item.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        start: Option<u64>,
        /// Its items.
        children: Vec<Node>,
    },
    /// An item of a list.
    Item {
        /// Whether it is done, where it is a task.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        checked: Option<bool>,
        /// Its text and its blocks.
        children: Vec<Node>,
    },
    /// A block of code.
    Code {
        /// The language that it says it is in.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        language: Option<String>,
        /// The code.
        text: String,
    },
    /// A table.
    Table {
        /// How each column stands.
        align: Vec<Align>,
        /// Its rows, the head first; a row without its last cells is shorter.
        rows: Vec<Vec<Vec<Node>>>,
    },
    /// A line between two blocks.
    Rule,
    /// Words that are stressed.
    Emphasis {
        /// The words.
        children: Vec<Node>,
    },
    /// Words that are important.
    Strong {
        /// The words.
        children: Vec<Node>,
    },
    /// Words that no longer hold.
    Strikethrough {
        /// The words.
        children: Vec<Node>,
    },
    /// Code among words.
    CodeSpan {
        /// The code.
        text: String,
    },
    /// A link, or an image, which is told as one.
    Link {
        /// Where it leads: `http`, `https` or `mailto`, and nothing else.
        #[schema(pattern = "^([Hh][Tt][Tt][Pp][Ss]?://|[Mm][Aa][Ii][Ll][Tt][Oo]:)")]
        href: String,
        /// Its words.
        children: Vec<Node>,
    },
    /// The end of a line within a block.
    Break,
}

impl Element {
    /// What lies in it, the cells of a table one after the other.
    pub fn children(&self) -> impl Iterator<Item = &Node> {
        let (children, rows): (&[Node], &[Vec<Vec<Node>>]) = match self {
            Self::Paragraph { children }
            | Self::Heading { children, .. }
            | Self::Quote { children }
            | Self::List { children, .. }
            | Self::Item { children, .. }
            | Self::Emphasis { children }
            | Self::Strong { children }
            | Self::Strikethrough { children }
            | Self::Link { children, .. } => (children, &[]),
            Self::Table { rows, .. } => (&[], rows),
            Self::Code { .. } | Self::CodeSpan { .. } | Self::Rule | Self::Break => (&[], &[]),
        };
        children.iter().chain(rows.iter().flatten().flatten())
    }
}

/// How a column of a table stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// As the reader's script has it.
    None,
    /// At the left.
    Left,
    /// In the middle.
    Center,
    /// At the right.
    Right,
}

/// Reads a text, in a time that grows with its length and no faster.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block> {
    let blocks = reader::read(text);
    // A text of definitions alone has no blocks, and is nothing that nobody wrote.
    if blocks.is_empty() && !text.trim().is_empty() {
        let element = Element::Paragraph { children: vec![Node::Text(text.trim().to_owned())] };
        return vec![Block { element, end: text.chars().count() }];
    }
    blocks
}
