//! Numbers and tables as text.

/// A value with about three digits that count, thousands set apart.
pub fn number(value: f64) -> String {
    match value.abs() {
        ..0.9995 => format!("{value:.2}"),
        0.9995..99.95 => format!("{value:.1}"),
        _ => thousands(value),
    }
}

/// A share in per cent.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Seconds, as minutes from two on.
pub fn minutes(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| str::from_utf8(group).ok())
        .collect();
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", groups.join(","))
}

/// Text that Markdown shows as it is, in a table's cell too.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => plain.extend(['\\', character]),
            '\n' | '\r' => plain.push(' '),
            _ => plain.push(character),
        }
    }
    plain
}

/// Text in a code span, in a table's cell too.
pub fn code(text: &str) -> String {
    format!(
        "`{}`",
        text.replace('`', "'")
            .replace('|', "\\|")
            .replace(['\n', '\r'], " ")
    )
}

/// A table of Markdown.
pub struct Table {
    text: String,
    columns: usize,
}

impl Table {
    /// A table with these heads; the first column is text, the others are numbers.
    pub fn new<S: AsRef<str>>(heads: &[S]) -> Self {
        Table::with_columns(heads, "--:|")
    }

    /// A table of text.
    pub fn text<S: AsRef<str>>(heads: &[S]) -> Self {
        Table::with_columns(heads, "---|")
    }

    fn with_columns<S: AsRef<str>>(heads: &[S], column: &str) -> Self {
        let mut table = Table {
            text: String::new(),
            columns: heads.len(),
        };
        table.row(heads);
        table
            .text
            .push_str(&format!("|---|{}\n", column.repeat(heads.len() - 1)));
        table
    }

    /// Adds a row.
    pub fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        assert_eq!(
            cells.len(),
            self.columns,
            "a row has as many cells as there are heads"
        );
        for cell in cells {
            self.text.push_str("| ");
            self.text.push_str(cell.as_ref());
            self.text.push(' ');
        }
        self.text.push_str("|\n");
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count() {
        assert_eq!(
            [0.754, 6.42, 12.9, 126.4, 55_600.0].map(number),
            ["0.75", "6.4", "12.9", "126", "55,600"]
        );
    }

    #[test]
    fn text_can_not_become_markup() {
        assert_eq!(plain("a|b <i> & *c*"), "a\\|b &lt;i&gt; &amp; \\*c\\*");
        assert_eq!(code("a`b|c"), "`a'b\\|c`");
    }
}
