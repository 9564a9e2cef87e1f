//! From the parser's events to the tree.

use std::mem;
use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, Event, Options, Parser, Tag};

use super::bare::link_all;
use super::links::href;
use super::{Align, Block, DEPTH, Element, Node};

/// What is read beyond `CommonMark`. Formulas, footnotes and quotes made curly are not: replies are shown as written.
const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);
/// What ends a line, and what may stand behind its last word.
const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];
/// The longest name of a language, in characters.
const LANGUAGE: usize = 30;

/// Reads the blocks of a text.
pub(super) fn read(text: &str) -> Vec<Block> {
    let mut reader = Reader { text, ..Reader::default() };
    for (event, place) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        reader.take(event, place);
    }
    reader.blocks
}

#[derive(Default)]
struct Reader<'a> {
    text: &'a str,
    /// The elements that are open, outermost first.
    open: Vec<Frame>,
    /// For each tag that is open, whether it became an element.
    kept: Vec<bool>,
    /// The rows of the table being read, and the cells of its row: a table holds no other.
    rows: Vec<Vec<Vec<Node>>>,
    row: Vec<Vec<Node>>,
    blocks: Vec<Block>,
    /// How much of the text was counted, in bytes and in characters.
    counted: (usize, usize),
}

/// An element that is open.
struct Frame {
    kind: Kind,
    children: Vec<Node>,
}

/// What an open element will be.
#[derive(PartialEq)]
enum Kind {
    Paragraph,
    Heading(u8),
    Quote,
    List(Option<u64>),
    Item(Option<bool>),
    Code(Option<String>),
    Table(Vec<Align>),
    Row,
    Cell,
    Emphasis,
    Strong,
    Strikethrough,
    Link(String),
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, place: Range<usize>) {
        match event {
            Event::Start(tag) => return self.start(tag),
            Event::End(_) => self.end(),
            Event::Code(text) => self.push(Node::Element(Element::CodeSpan { text: text.into_string() })),
            // Models write this one where a table's cell has lines, as there is no other way.
            Event::InlineHtml(tag) if ["<br>", "<br/>", "<br />"].contains(&&*tag) => self.push(BREAK),
            Event::Text(text) | Event::InlineHtml(text) | Event::Html(text) => self.say(&text),
            Event::SoftBreak => self.say("\n"),
            Event::HardBreak => self.push(BREAK),
            Event::Rule => self.push(Node::Element(Element::Rule)),
            Event::TaskListMarker(is_checked) => self.mark(is_checked),
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) => {}
        }
        self.settle(place);
    }

    fn start(&mut self, tag: Tag<'_>) {
        let kind = self.kind_of(tag).filter(|kind| self.has_room_for(kind));
        self.kept.push(kind.is_some());
        self.open.extend(kind.map(|kind| Frame { kind, children: Vec::new() }));
    }

    /// None for what is told by its text alone.
    fn kind_of(&self, tag: Tag<'_>) -> Option<Kind> {
        Some(match tag {
            Tag::Paragraph | Tag::HtmlBlock => Kind::Paragraph,
            Tag::Heading { level, .. } => Kind::Heading(level as u8),
            Tag::BlockQuote(_) => Kind::Quote,
            Tag::CodeBlock(kind) => Kind::Code(language(&kind)),
            Tag::List(start) => Kind::List(start),
            Tag::Item => Kind::Item(None),
            Tag::Table(align) => Kind::Table(align.into_iter().map(Into::into).collect()),
            Tag::TableHead | Tag::TableRow => Kind::Row,
            Tag::TableCell => Kind::Cell,
            Tag::Emphasis => Kind::Emphasis,
            Tag::Strong => Kind::Strong,
            Tag::Strikethrough => Kind::Strikethrough,
            // A link within a link could not be followed.
            Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }
                if !self.open.iter().any(|frame| matches!(frame.kind, Kind::Link(_))) =>
            {
                Kind::Link(href(link_type, &dest_url)?)
            }
            _ => return None,
        })
    }

    /// Parts of a list or a table are kept where it was kept.
    fn has_room_for(&self, kind: &Kind) -> bool {
        let around = self.open.last().map(|frame| &frame.kind);
        match kind {
            Kind::Item(_) => matches!(around, Some(Kind::List(_))),
            Kind::Row => matches!(around, Some(Kind::Table(_))),
            Kind::Cell => matches!(around, Some(Kind::Row)),
            _ => self.open.len() < DEPTH,
        }
    }

    fn end(&mut self) {
        if self.kept.pop() == Some(false) {
            if self.open.len() >= DEPTH {
                self.say("\n");
            }
            return;
        }
        let Some(mut frame) = self.open.pop() else { return };
        if self.may_hold_links(&frame.kind) {
            frame.children = link_all(frame.children);
        }
        match frame.kind {
            Kind::Cell => self.row.push(frame.children),
            Kind::Row => {
                // The parser fills a short row up to the head's length, which could be much longer than the text.
                let cells = self.row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
                self.row.truncate(cells);
                self.rows.push(mem::take(&mut self.row));
            }
            Kind::Table(align) => {
                let rows = mem::take(&mut self.rows);
                self.push(Node::Element(Element::Table { align, rows }));
            }
            kind => self.push(Node::Element(closed(kind, frame.children))),
        }
    }

    /// Whether bare addresses in what was just closed become links: not in code or in a link, nor where none has room.
    fn may_hold_links(&self, closed: &Kind) -> bool {
        let is_link = |kind: &Kind| matches!(kind, Kind::Link(_));
        let is_text = !matches!(closed, Kind::Code(_)) && !is_link(closed);
        is_text && self.open.len() + 1 < DEPTH && !self.open.iter().any(|frame| is_link(&frame.kind))
    }

    fn say(&mut self, text: &str) {
        let Some(around) = self.open.last_mut() else { return };
        if let Some(Node::Text(before)) = around.children.last_mut() {
            before.push_str(text);
        } else if !text.is_empty() {
            around.children.push(Node::Text(text.to_owned()));
        }
    }

    fn push(&mut self, node: Node) {
        match (self.open.last_mut(), node) {
            (Some(around), node) => around.children.push(node),
            (None, Node::Element(element)) => self.blocks.push(Block { element, end: 0 }),
            (None, Node::Text(_)) => {}
        }
    }

    /// Notes that the item being read is a task.
    fn mark(&mut self, is_checked: bool) {
        match self.open.iter_mut().rev().take(2).find(|frame| matches!(frame.kind, Kind::Item(_))) {
            Some(item) if self.kept.last() == Some(&true) => item.kind = Kind::Item(Some(is_checked)),
            _ => self.say(if is_checked { "[x] " } else { "[ ] " }),
        }
    }

    /// Notes where a block ended: behind the line of its last word, as blocks are made of whole lines.
    fn settle(&mut self, place: Range<usize>) {
        if !self.kept.is_empty() {
            return;
        }
        let (bytes, characters) = self.counted;
        let word = self.text[..place.end.max(bytes)].trim_end_matches(BLANK).len().max(bytes);
        let rest = &self.text[word..];
        let line =
            rest.find(['\n', '\r']).map_or(rest.len(), |at| at + if rest[at..].starts_with("\r\n") { 2 } else { 1 });
        let end = word + line;
        self.counted = (end, characters + self.text[bytes..end].chars().count());
        if let Some(block) = self.blocks.last_mut() {
            block.end = self.counted.1;
        }
    }
}

const BREAK: Node = Node::Element(Element::Break);

fn closed(kind: Kind, mut children: Vec<Node>) -> Element {
    match kind {
        Kind::Heading(level) => Element::Heading { level, children },
        Kind::Quote => Element::Quote { children },
        Kind::List(start) => Element::List { start, children },
        Kind::Item(checked) => Element::Item { checked, children },
        Kind::Code(language) => Element::Code { language, text: text_of(children) },
        Kind::Emphasis => Element::Emphasis { children },
        Kind::Strong => Element::Strong { children },
        Kind::Strikethrough => Element::Strikethrough { children },
        Kind::Link(href) => {
            // An image without words still says where it is.
            if children.is_empty() {
                children.push(Node::Text(href.clone()));
            }
            Element::Link { href, children }
        }
        Kind::Paragraph | Kind::Table(_) | Kind::Row | Kind::Cell => {
            if let Some(Node::Text(last)) = children.last_mut() {
                last.truncate(last.trim_end_matches(BLANK).len());
            }
            Element::Paragraph { children }
        }
    }
}

/// A block of code holds one run of text, whose last line's end is not of it.
fn text_of(children: Vec<Node>) -> String {
    let mut text = children.into_iter().fold(String::new(), |text, node| match node {
        Node::Text(more) => text + &more,
        Node::Element(_) => text,
    });
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

/// The first word behind a fence.
fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(words) = kind else { return None };
    words
        .split([' ', '\t', ',', '{'])
        .next()
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(LANGUAGE).collect())
}

impl From<Alignment> for Align {
    fn from(alignment: Alignment) -> Self {
        match alignment {
            Alignment::None => Self::None,
            Alignment::Left => Self::Left,
            Alignment::Center => Self::Center,
            Alignment::Right => Self::Right,
        }
    }
}
