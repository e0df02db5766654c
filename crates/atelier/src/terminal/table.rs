use std::fmt;

use super::one_line;

/// On which side the cells of a column end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// No line is filled up further. What comes from outside may be a megabyte long, and `format!` panics above 65535.
pub(crate) const WIDEST: usize = 1000;

/// A table of plain text.
///
/// ```
/// use atelier::terminal::{Align, Table};
///
/// let mut table = Table::new(&[("step", Align::Right), ("loss", Align::Right)]);
/// table.row(["7", "0.25"]);
/// assert_eq!(table.to_string(), "step  loss\n----  ----\n   7  0.25\n");
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no row; see [`Table::row`] for what becomes of line breaks.
    #[must_use]
    pub fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            columns: columns.iter().map(|(_, align)| *align).collect(),
            rows: vec![columns.iter().map(|(name, _)| one_line(name)).collect()],
        }
    }

    /// Adds a row; cells that are missing are empty, and a line break within a cell is not kept.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells = cells.into_iter().map(|cell| one_line(&cell.into()));
        self.rows.push(cells.take(self.columns.len()).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|c| self.rows.iter().map(|row| cell(row, c).chars().count()).max().unwrap_or(0))
            .map(|width| width.min(WIDEST))
            .collect();
        for (number, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = self
                .columns
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(c, (align, &width))| match align {
                    Align::Left => format!("{:<width$}", cell(row, c)),
                    Align::Right => format!("{:>width$}", cell(row, c)),
                })
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
            if number == 0 {
                let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
                writeln!(f, "{}", rules.join("  "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_end_together() {
        let mut table = Table::new(&[("layer", Align::Left), ("parameters", Align::Right)]);
        table.row(["net.0 dense", "39,250"]);
        table.row(["x", "7"]);
        assert_eq!(
            table.to_string(),
            "layer        parameters\n-----------  ----------\nnet.0 dense      39,250\nx                     7\n"
        );
    }

    #[test]
    fn a_cell_of_any_length_is_shown_and_makes_no_other_row_as_long() {
        let mut table = Table::new(&[("name", Align::Left), ("value", Align::Right)]);
        let long = "x".repeat(70_000);
        table.row([&long, &long]);
        table.row(["a", "b"]);
        let text = table.to_string();
        let lengths: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lengths, [2 * WIDEST + 2, 2 * WIDEST + 2, 140_002, 2 * WIDEST + 2]);
    }

    #[test]
    fn a_cell_cannot_break_the_table() {
        let mut table = Table::new(&[("na\nme", Align::Left)]);
        table.row(["a\nb\u{1b}"]);
        assert_eq!(table.to_string(), "na?me\n-----\na?b?\n");
    }
}
