//! The command line of the bench.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// What the bench is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub quick: bool,
    pub avx2: bool,
    pub peers: bool,
    pub only: String,
    pub format: Format,
    /// Results to show instead of measuring.
    pub from: Option<PathBuf>,
    /// Earlier results to compare with.
    pub against: Option<PathBuf>,
    /// Where the figure goes.
    pub chart: Option<PathBuf>,
    /// Where results and figure go besides.
    pub out: Option<PathBuf>,
}

/// The form of results on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Markdown,
    Json,
}

pub const USAGE: &str = "\
usage: cargo xtask bench [OPTIONS]

  --peers          measure PyTorch, JAX, candle and burn as well; makes them below target/peers first
  --quick          few and short rounds, no row that takes minutes
  --only TEXT      rows whose names contain TEXT
  --avx2           Atelier without AVX-512
  --format FORMAT  text, markdown or json
  --from FILE      show results that were measured before
  --against FILE   compare with earlier results by share of the peak; exit code 1 where a row is slower
                   by more than a tenth of its share, or has vanished
  --chart FILE     write the figure there (PNG); needs peers
";

impl Options {
    /// Reads the arguments that follow the program's name.
    ///
    /// # Errors
    /// Fails at the first that is not as it should be.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("{argument} wants a value\n\n{USAGE}"));
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--avx2" => options.avx2 = true,
                "--peers" => options.peers = true,
                "--only" => options.only = value()?,
                "--format" => options.format = Format::parse(&value()?)?,
                "--from" => options.from = Some(value()?.into()),
                "--against" => options.against = Some(value()?.into()),
                "--chart" => options.chart = Some(value()?.into()),
                "--out" => options.out = Some(value()?.into()),
                _ => bail!("unknown argument {argument:?}\n\n{USAGE}"),
            }
        }
        if options.from.is_some()
            && (options.quick || options.avx2 || options.peers || !options.only.is_empty())
        {
            bail!("--from shows what was measured before: leave out what says how to measure");
        }
        Ok(options)
    }
}

impl Format {
    fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "text" => Self::Text,
            "markdown" => Self::Markdown,
            "json" => Self::Json,
            _ => bail!("--format is {word:?}, expected text, markdown or json"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_string))
    }

    #[test]
    fn arguments_are_read() {
        let options =
            parse("--quick --only autoencoder --format markdown --against a.json").unwrap();
        assert!(options.quick && !options.peers);
        assert_eq!((options.only.as_str(), options.format), ("autoencoder", Format::Markdown));
        assert_eq!(options.against, Some("a.json".into()));
        assert_eq!(parse("").unwrap(), Options::default());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, said) in [
            ("--quik", "unknown argument \"--quik\""),
            ("--only", "--only wants a value"),
            ("--format yaml", "expected text, markdown or json"),
            ("--from a.json --peers", "--from shows what was measured before"),
        ] {
            let refused = parse(line).unwrap_err().to_string();
            assert!(refused.starts_with(said) || refused.contains(said), "{refused}");
        }
    }
}
