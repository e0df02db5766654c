//! Rust source as the rules look at it: without comments, without strings, without test modules.
//!
//! A scanner and no parser: it knows just enough of the language not to be fooled by a word in a comment or a
//! brace in a string. Whatever is left out becomes spaces, so that line numbers stay.

use std::iter;

/// The source with its comments and the insides of its strings blanked.
pub fn code(source: &str) -> String {
    blank(source, |piece| piece != Piece::Code)
}

/// The source with its comments blanked.
pub fn code_and_strings(source: &str) -> String {
    blank(source, |piece| piece == Piece::Comment)
}

/// Code (as [`code`] gives it) with the modules and functions that are compiled for tests alone blanked.
pub fn without_test_modules(code: &str) -> String {
    const MARKS: [&str; 2] = ["#[cfg(test)]", "#[cfg(all(test, unix))]"];
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    let first =
        |rest: &str| MARKS.iter().filter_map(|mark| Some((rest.find(mark)?, mark.len()))).min();
    while let Some((at, mark)) = first(rest) {
        kept += &rest[..at];
        let length = item_length(&rest[at + mark..]) + mark;
        kept.extend(rest[at..at + length].chars().map(blanked));
        rest = &rest[at + length..];
    }
    kept + rest
}

/// The length of an item that begins here: up to its first semicolon, or the end of its first block.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if c == '}' && depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Code,
    Comment,
    Text,
}

fn blank(source: &str, drop: impl Fn(Piece) -> bool) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while !rest.is_empty() {
        let (piece, length) = first_piece(rest);
        let (head, tail) = rest.split_at(length);
        if drop(piece) {
            out.extend(head.chars().map(blanked));
        } else {
            out += head;
        }
        rest = tail;
    }
    out
}

fn blanked(c: char) -> char {
    if c == '\n' { '\n' } else { ' ' }
}

/// What the source begins with, and how many bytes of it.
fn first_piece(source: &str) -> (Piece, usize) {
    let mut chars = source.chars();
    let first = chars.next().unwrap_or_default();
    let second = chars.next().unwrap_or_default();
    if source.starts_with("//") {
        (Piece::Comment, source.find('\n').unwrap_or(source.len()))
    } else if source.starts_with("/*") {
        (Piece::Comment, block_comment(source))
    } else if let Some(length) = raw_string(source) {
        (Piece::Text, length)
    } else if first == '"' {
        (Piece::Text, quoted(source, '"'))
    } else if first == '\'' && (second == '\\' || chars.next() == Some('\'')) {
        // Otherwise the quote begins a lifetime.
        (Piece::Text, quoted(source, '\''))
    } else if is_word(first) {
        (Piece::Code, source.find(|c| !is_word(c)).unwrap_or(source.len()))
    } else {
        (Piece::Code, first.len_utf8())
    }
}

/// Whether a character belongs to identifiers.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(source: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < source.len() {
        if source[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if source[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += source[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    source.len()
}

fn raw_string(source: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        source
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let opened = &source[prefix.len()..];
    let hashes = opened.len() - opened.trim_start_matches('#').len();
    let end: String = iter::once('"').chain(iter::repeat_n('#', hashes)).collect();
    let inside = prefix.len() + hashes + 1;
    Some(source[inside..].find(&end).map_or(source.len(), |at| inside + at + end.len()))
}

fn quoted(source: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in source.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_lines_stay() {
        let source = "a // one\n/* two\n/* three */ four */ b\n/// five\nc";
        assert_eq!(code(source).split_whitespace().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(code(source).lines().count(), source.lines().count());
    }

    #[test]
    fn strings_are_blanked_whatever_they_are_quoted_with() {
        for string in
            [r#""x""#, r#""x \" x""#, r#"r"x""#, r##"r#"x "x" x"#"##, r#"b"x""#, r#"br"x""#, r"'x'"]
        {
            let source = format!("let a = {string}; a");
            assert!(!code(&source).contains('x'), "{string}: {}", code(&source));
            assert!(code(&source).ends_with("; a"), "{string}: {}", code(&source));
            assert_eq!(code_and_strings(&source), source);
        }
    }

    #[test]
    fn what_only_looks_like_a_string_is_code() {
        for source in ["fn f<'a>(x: &'a str) -> &'a str", "let r#type = bar;", "'outer: loop {}"] {
            assert_eq!(code(source), source);
        }
        assert_eq!(code(r"('\'', '\\', b)").trim_end(), "(    ,     , b)");
        assert_eq!(code(r#"("//", b)"#), "(    , b)");
    }

    #[test]
    fn test_modules_are_blanked_to_their_closing_brace() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { {} }\n}\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}";
        let left = without_test_modules(source);
        assert_eq!(
            left.split_whitespace().collect::<Vec<_>>(),
            ["fn", "a()", "{}", "fn", "c()", "{}", "fn", "e()", "{}"]
        );
        assert_eq!(left.lines().count(), source.lines().count());
    }
}
