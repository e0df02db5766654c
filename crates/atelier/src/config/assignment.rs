//! The text of one `--set key=value`.

use anyhow::{Result, bail};
use toml::Value;

use crate::failure::Help as _;
use crate::terminal::brief;

/// Splits `key=value`; the value is TOML, a bare word is a string, and `a,b,c` is a list.
///
/// # Errors
/// Fails if there is no `=`, or nothing on one of its sides.
pub(super) fn parse(text: &str) -> Result<(String, Value)> {
    let parts = text.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
    match parts {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.to_string(), self::value(value)))
        }
        _ => wrong(text),
    }
}

fn wrong(text: &str) -> Result<(String, Value)> {
    let refused: Result<_> = (|| bail!("--set {}: expected key=value", brief(text)))();
    refused.help(|| "write for example --set train.epochs=5".to_string())
}

fn value(text: &str) -> Value {
    if let Ok(value) = text.parse::<Value>() {
        return value;
    }
    // `50,50,50`; each part may itself be a bare word.
    if text.contains(',') && !text.starts_with(['[', '{', '"', '\'']) {
        let parts = text.trim_end_matches(',').split(',');
        return Value::Array(parts.map(|part| value(part.trim())).collect());
    }
    Value::String(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Value {
        parse(text).expect(text).1
    }

    #[test]
    fn values_are_toml_and_bare_words_are_strings() {
        assert_eq!(parsed("a=5"), Value::Integer(5));
        assert_eq!(parsed("a = 5e-4"), Value::Float(5e-4));
        assert_eq!(parsed("a=true"), Value::Boolean(true));
        assert_eq!(parsed("a=adam"), Value::String("adam".to_string()));
        assert_eq!(parsed("a='adam'"), Value::String("adam".to_string()));
        assert_eq!(parsed("a=x=y"), Value::String("x=y".to_string()));
    }

    #[test]
    fn lists_need_no_brackets() {
        let list = Value::Array(vec![Value::Integer(50), Value::Integer(20)]);
        for text in ["h=[50,20]", "h=50,20", "h=50, 20,"] {
            assert_eq!(parsed(text), list, "{text}");
        }
    }

    #[test]
    fn a_missing_side_is_refused() {
        for text in ["epochs", "=5", "a=", ""] {
            let message = parse(text).expect_err(text).to_string();
            assert!(message.contains("expected key=value"), "{message}");
        }
    }

    #[test]
    fn a_second_line_is_part_of_the_value_and_never_a_second_key() {
        assert!(parsed("a=1\nseed=2").is_str());
    }
}
