//! A checksum within a JSON object, over everything else in it.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::tensor_file::hexadecimal;

/// Its key.
const KEY: &str = "checksum";

/// Adds `checksum` as the last key of an object: SHA-256, in hexadecimal, of its text without spaces and without this
/// key.
#[must_use]
pub fn sealed(mut object: Map<String, Value>) -> Map<String, Value> {
    object.shift_remove(KEY);
    let checksum = checksum(&object);
    object.insert(KEY.to_string(), Value::String(checksum));
    object
}

/// Takes the key `checksum` out of an object.
///
/// # Errors
/// What the checksum of the object is, where another is in it. Without the key there is no error: objects of before had
/// none.
pub fn unsealed(object: &mut Map<String, Value>) -> Result<(), String> {
    // `remove` would put the last key in the place of this one.
    let Some(found) = object.shift_remove(KEY) else { return Ok(()) };
    let expected = checksum(object);
    if found == Value::String(expected.clone()) { Ok(()) } else { Err(expected) }
}

fn checksum(object: &Map<String, Value>) -> String {
    let text = Value::Object(object.clone()).to_string();
    hexadecimal(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("no object") };
        map
    }

    #[test]
    fn what_was_changed_is_noticed_and_what_was_not_comes_back() {
        let whole =
            object(json!({ "b": [1, 0.1, 1e-300, u64::MAX], "a": { "z": null, "y": "\n" } }));
        let text = Value::Object(sealed(whole.clone())).to_string();
        let read = |text: &str| object(serde_json::from_str(text).expect("JSON"));
        let mut back = read(&text);
        assert_eq!(unsealed(&mut back), Ok(()));
        assert_eq!(Value::Object(back).to_string(), Value::Object(whole.clone()).to_string());
        for (from, to) in [("0.1", "0.2"), ("null", "1"), ("\"a\"", "\"c\""), ("\"y\"", "\"x\"")] {
            let mut changed = read(&text.replacen(from, to, 1));
            assert!(unsealed(&mut changed).is_err(), "{from}");
        }
        assert_eq!(unsealed(&mut whole.clone()), Ok(()), "without a checksum");
        let twice = sealed(sealed(whole.clone()));
        assert_eq!(twice, sealed(whole));
    }
}
