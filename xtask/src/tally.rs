//! Counting tests by what libtest prints.

use std::fmt;

/// Passed, failed and skipped tests over any number of test binaries.
#[derive(Debug, Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Tests that said that they cannot run here, which libtest takes for passed.
    excused: u64,
    /// Whether a binary has announced its tests and not given its result.
    open: bool,
}

impl Tally {
    /// Takes in one line of the tests' standard output.
    ///
    /// A test that cannot say anything on this machine writes a line beginning `skipped: `. Ignored tests count
    /// as skipped too, and a binary that ends without a result (killed, aborted) as one failed test.
    pub fn read(&mut self, line: &str) {
        let line = line.trim_end();
        if line.starts_with("skipped: ") {
            self.excused += 1;
        } else if is_announcement(line) {
            self.failed += u64::from(self.open);
            self.open = true;
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.open = false;
            for (count, what) in
                result.split([';', '.']).filter_map(|part| part.trim().split_once(' '))
            {
                let count = count.parse().unwrap_or(0);
                match what {
                    "passed" => self.passed += count,
                    "failed" => self.failed += count,
                    "ignored" => self.ignored += count,
                    _ => {}
                }
            }
        }
    }

    /// How many tests said whether they hold.
    pub fn ran(&self) -> u64 {
        self.passed.saturating_sub(self.excused) + self.failed
    }

    /// How many tests were skipped.
    pub fn skipped(&self) -> u64 {
        self.ignored + self.excused
    }
}

/// Whether this is libtest's `running 12 tests`.
fn is_announcement(line: &str) -> bool {
    line.strip_prefix("running ")
        .and_then(|rest| rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test")))
        .is_some_and(|count| count.parse::<u64>().is_ok())
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.passed.saturating_sub(self.excused);
        let failed = self.failed + u64::from(self.open);
        write!(f, "{passed} passed, {failed} failed, {} skipped", self.skipped())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(output: &str) -> String {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        tally.to_string()
    }

    #[test]
    fn results_of_binaries_and_doctests_add_up() {
        let output = "
running 3 tests
test a ... ok
test b ... FAILED
test c ... ignored
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.51s

running 1 test
test src/lib.rs - (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s
";
        assert_eq!(total(output), "2 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_test_that_excuses_itself_is_skipped_and_not_passed() {
        let output = "
running 2 tests
test a ...
skipped: a: no graphics card
ok
test b ... ok
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";
        assert_eq!(total(output), "1 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn a_binary_without_a_result_is_a_failure() {
        let died = "running 4 tests\ntest a ... ok\n";
        let fine = "running 1 test\ntest result: ok. 1 passed; 0 failed; 0 ignored\n";
        assert_eq!(total(died), "0 passed, 1 failed, 0 skipped");
        assert_eq!(total(&[died, fine].concat()), "1 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_filter_that_fits_nothing_ran_nothing() {
        let mut tally = Tally::default();
        for line in
            ["running 0 tests", "test result: ok. 0 passed; 0 failed; 2 ignored; 68 filtered out"]
        {
            tally.read(line);
        }
        assert_eq!(tally.ran(), 0);
        tally.read("test result: ok. 1 passed; 1 failed; 0 ignored");
        assert_eq!(tally.ran(), 2);
    }

    #[test]
    fn talk_that_only_looks_alike_counts_nothing() {
        assert_eq!(
            total("running 20 epochs\nwas skipped: no\n5 passed\n"),
            "0 passed, 0 failed, 0 skipped"
        );
    }
}
