//! The file of a grid's finished rows.

use super::{Seed, seed};

/// SHA-256 of `"5a" * 32` and the row, as Python's hashlib gives it.
const ROW: &str = r#"{"row":{"y":1,"loss":[0.5,1.25],"standard_error":[0.125,0.25],"accuracy":null},"sha256":"1cced19b2d1a0055cf27c1e6ac67b95d0b1ddb727b30f149f5e099a01e6fb4b7"}"#;
/// The same of another row.
const OTHER: &str = r#"{"row":{"y":0,"loss":[2.0,1.5],"standard_error":[0.0,0.5],"accuracy":null},"sha256":"54cd218d0fa92edb36868f4ba5908895ba4aa1dd3c92f96235ad6a824cef3d49"}"#;
/// A row of another width.
const NARROW: &str = r#"{"row":{"y":2,"loss":[2.0],"standard_error":[0.0],"accuracy":null},"sha256":"874bf46913757ac7962d01c5136a585cd065c704795bfbbb5c3346ba84c86840"}"#;
/// A row with fewer standard errors than losses.
const UNEVEN: &str = r#"{"row":{"y":3,"loss":[2.0,1.5],"standard_error":[0.5],"accuracy":null},"sha256":"d37cc32fa3ab3e0fa315a6928f80bcf2754019c37a630c0691429fe153c5875a"}"#;
/// As rows were written before they had checksums.
const BARE: &str =
    r#"{"row":{"y":1,"loss":[0.5,1.25],"standard_error":[0.125,0.25],"accuracy":null}}"#;

pub fn seeds() -> Vec<Seed> {
    let head = format!("{{\"of\":\"{}\"}}", "5a".repeat(32));
    let head = head.as_str();
    let grid = |name: &str, lines: &[&str]| seed("grid", name, lines.join("\n") + "\n");
    let deep = format!("{{\"row\":{}", "[".repeat(5000));
    let wide = format!("{{\"row\":{{\"y\":1,\"loss\":[{}0]", "0,".repeat(20_000));
    vec![
        grid("good.jsonl", &[head, ROW, OTHER]),
        grid("good-begun.jsonl", &[head]),
        seed("grid", "good-empty.jsonl", ""),
        seed("grid", "good-torn.jsonl", format!("{head}\n{OTHER}\n{}", &ROW[..40])),
        grid("bad-loss.jsonl", &[head, OTHER, &ROW.replace("1.25", "99.5")]),
        grid("bad-place.jsonl", &[head, &ROW.replace("\"y\":1", "\"y\":2"), OTHER]),
        grid("bad-without-checksum.jsonl", &[head, BARE]),
        grid("bad-of-another.jsonl", &[&head.replace("5a5a", "5a5b"), ROW]),
        grid("bad-twice.jsonl", &[head, ROW, OTHER, ROW]),
        grid("bad-narrow.jsonl", &[head, ROW, NARROW]),
        grid("bad-uneven.jsonl", &[head, ROW, UNEVEN]),
        grid("bad-without-head.jsonl", &[ROW, OTHER]),
        grid("bad-nan.jsonl", &[head, &ROW.replace("1.25", "NaN")]),
        grid("bad-exponent.jsonl", &[head, &ROW.replace("1.25", "1e999")]),
        grid("bad-negative.jsonl", &[head, &ROW.replace("\"y\":1", "\"y\":-1")]),
        grid("bad-deep.jsonl", &[head, &deep]),
        grid("bad-wide.jsonl", &[head, &wide]),
        grid("bad-blank.jsonl", &[head, "", ROW]),
        grid("bad-page.jsonl", &["<!DOCTYPE html>"]),
        seed("grid", "bad-utf8.jsonl", [head.as_bytes(), b"\n\xff\xfe\n"].concat()),
    ]
}
