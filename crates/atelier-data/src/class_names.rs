use std::collections::HashSet;
use std::path::Path;

use atelier_store::{is_steering, read_regular};

use crate::Result;
use crate::npy::wrong;

/// The names of the classes of one's own data, beside the files.
const FILE_NAME: &str = "classes.txt";
/// 256 names of 255 bytes.
const LARGEST_FILE: u64 = 64 << 10;

/// The names in `classes.txt` in `place`, one on each line in the order of the labels; `None` if there
/// is no such file.
pub(crate) fn read(place: &Path) -> Result<Option<Vec<String>>> {
    let path = place.join(FILE_NAME);
    let absent = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    if path.symlink_metadata().is_err_and(absent) {
        return Ok(None);
    }
    parse_class_names(&read_regular(&path, LARGEST_FILE)?, &path).map(Some)
}

/// The names of classes in the bytes of a `classes.txt`, one on each line; `path` is for messages alone.
///
/// # Errors
/// [`Error::Content`](crate::Error::Content) if the bytes are no text in UTF-8, if a name is empty, was there before or
/// holds control characters, or if there are not 1 to 256 of them.
pub fn parse_class_names(bytes: &[u8], path: &Path) -> Result<Vec<String>> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| wrong(path, "the text", "UTF-8", error.to_string()))?;
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    for (line, name) in (1..).zip(text.trim_end().lines()) {
        let name = name.trim();
        let problem = if name.is_empty() {
            Some("empty")
        } else if name.contains(is_steering) {
            Some("a name with control characters")
        } else {
            (!seen.insert(name)).then_some("a name that was there before")
        };
        if let Some(problem) = problem {
            return Err(wrong(path, format!("line {line}"), "the name of a class", problem));
        }
        names.push(name.to_string());
    }
    if !(1..=256).contains(&names.len()) {
        let found = names.len().to_string();
        return Err(wrong(path, "the number of names", "1 to 256, one on each line", found));
    }
    Ok(names)
}
