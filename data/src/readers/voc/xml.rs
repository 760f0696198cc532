//! A small XML file as a tree.

use std::borrow::Cow;
use std::path::Path;

use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use crate::readers::files::{at, decode};
use crate::{Error, Result};

/// How deep elements may lie in each other.
const DEEPEST: usize = 32;

/// An element; its attributes are not kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Element {
    pub(super) name: String,
    /// The line in which it begins.
    pub(super) line: usize,
    /// The text in it, without the space around, and without the text of its children.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of a name, if there is any.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }
}

/// The root of an XML document. References to characters and to XML's five entities are replaced, others are errors: nothing is expanded.
///
/// The encoding is that of the byte order mark, or the one that the declaration names, or UTF-8.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Element> {
    let text = in_declared_encoding(path, bytes)?;
    let mut reader = Reader::from_str(&text);
    let mut lines = Lines { text: &text, position: 0, line: 1 };
    // The elements that are open, from the root inwards.
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<Element> = None;
    loop {
        let line = lines.at(reader.buffer_position() as usize);
        let event = reader.read_event().map_err(|error| {
            let line = lines.at(reader.error_position() as usize);
            at(path, line, format!("expected XML, received something else ({error})"))
        })?;
        match event {
            Event::Start(start) => {
                if open.len() >= DEEPEST || (open.is_empty() && root.is_some()) {
                    let message = format!(
                        "expected one element with others up to {DEEPEST} deep, received <{}>",
                        start.name().as_ref()
                    );
                    return Err(at(path, line, message));
                }
                open.push(Element { name: start.name().as_ref().into(), line, ..Element::default() });
            }
            Event::Empty(start) => {
                let element = Element { name: start.name().as_ref().into(), line, ..Element::default() };
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None if root.is_none() => root = Some(element),
                    None => {
                        return Err(at(path, line, format!("expected one element, received <{}/> too", element.name)));
                    }
                }
            }
            Event::End(_) => {
                // The reader has checked that it closes the last one.
                if let Some(mut element) = open.pop() {
                    element.text = element.text.trim().to_string();
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => root = Some(element),
                    }
                }
            }
            Event::Text(text) => append(&mut open, &text.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(text) => append(&mut open, &text.xml_content(XmlVersion::Implicit1_0)),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character),
                    _ => match reference.xml_content(XmlVersion::Implicit1_0).as_ref() {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    },
                };
                let Some(character) = character else {
                    let message = format!(
                        "expected XML's own entities only, received &{};",
                        reference.xml_content(XmlVersion::Implicit1_0)
                    );
                    return Err(at(path, line, message));
                };
                append(&mut open, character.encode_utf8(&mut [0; 4]));
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if let Some(element) = open.last() {
        let message = format!("expected </{}>, received the end of the file", element.name);
        return Err(at(path, element.line, message));
    }
    root.ok_or_else(|| Error::format(path, "expected an XML document, received one without any element"))
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// Counts lines up to places that come in order.
struct Lines<'a> {
    text: &'a str,
    position: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, position: usize) -> usize {
        let position = position.min(self.text.len());
        if position > self.position {
            let passed = &self.text.as_bytes()[self.position..position];
            self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
            self.position = position;
        }
        self.line
    }
}

fn in_declared_encoding<'a>(path: &Path, bytes: &'a [u8]) -> Result<Cow<'a, str>> {
    let marked = encoding_rs::Encoding::for_bom(bytes).is_some();
    let encoding = if marked { None } else { declared_encoding(bytes) };
    match encoding {
        None => decode(path, bytes),
        Some(label) => {
            let message = || format!("expected a known encoding, received {:?}", String::from_utf8_lossy(label));
            let encoding = encoding_rs::Encoding::for_label(label).ok_or_else(|| at(path, 1, message()))?;
            let (text, broken) = encoding.decode_without_bom_handling(bytes);
            if broken {
                let message =
                    format!("expected text in {}, as the declaration says, received other bytes", encoding.name());
                return Err(Error::format(path, message));
            }
            Ok(text)
        }
    }
}

/// The name of the encoding in `<?xml … encoding="…"?>`.
fn declared_encoding(bytes: &[u8]) -> Option<&[u8]> {
    let head = &bytes[..bytes.len().min(256)];
    let head = head.strip_prefix(b"<?xml")?;
    let head = &head[..head.windows(2).position(|two| two == b"?>")?];
    let key = b"encoding";
    let after = head.windows(key.len()).position(|window| window == key)? + key.len();
    let value = head[after..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, value) = value.split_first()?;
    let end = value.iter().position(|&byte| byte == quote)?;
    (quote == b'"' || quote == b'\'').then(|| &value[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(bytes: &[u8]) -> Result<Element> {
        parse(Path::new("x.xml"), bytes)
    }

    #[test]
    fn trees() {
        let tree =
            root(b"<?xml version='1.0'?><!-- c -->\n<a>\n x<b>1 &amp; &#65;</b>\n<c/><b><![CDATA[2]]></b></a>\n")
                .unwrap();
        assert_eq!((tree.name.as_str(), tree.line, tree.text.as_str()), ("a", 2, "x"));
        let texts: Vec<_> =
            tree.children.iter().map(|child| (child.name.as_str(), child.text.as_str(), child.line)).collect();
        assert_eq!(texts, [("b", "1 & A", 3), ("c", "", 4), ("b", "2", 4)]);
        assert_eq!((tree.text_of("b"), tree.text_of("c"), tree.text_of("d")), (Some("1 & A"), None, None));
    }

    #[test]
    fn encodings() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>caf\xe9</a>";
        assert_eq!(root(latin).unwrap().text, "caf\u{e9}");
        let wide: Vec<u8> =
            [0xfeff].into_iter().chain("<a>\u{e9}</a>".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(root(&wide).unwrap().text, "\u{e9}");
        assert!(root(b"<?xml version=\"1.0\" encoding=\"klingon\"?><a/>").unwrap_err().to_string().contains("klingon"));
        assert!(root(b"<a>\xe9</a>").unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn what_is_no_tree() {
        let texts = |bytes| root(bytes).unwrap_err().to_string();
        assert!(texts(b"").contains("without any element"));
        assert!(texts(b"<a>\n<b>\n</a>").contains("line 3"), "{}", texts(b"<a>\n<b>\n</a>"));
        assert!(texts(b"<a>\n<b>").contains("expected </b>"));
        assert!(texts(b"<a/><b/>").contains("<b/>"));
        assert!(root(&b"<a>".repeat(100_000)).is_err());
        // Ten lines of this kind would be a gigabyte.
        let laughs = b"<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        assert!(texts(laughs).contains("received &c;"), "{}", texts(laughs));
    }
}
