//! Typesets the report of a run and says how large it is. Nothing is written.
//!
//! `cargo run --profile typeset -p atelier-report --example report -- RUN [AUTHOR]...`

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let run = PathBuf::from(arguments.next().ok_or("which run? give its directory")?);
    let authors: Vec<String> = arguments.collect();
    let report = atelier_report::report(&run, &authors)?;
    println!("report.pdf: {} bytes", report.pdf.len());
    println!("index.html: {} bytes", report.page.len());
    Ok(())
}
