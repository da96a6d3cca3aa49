//! Bars of ratios to a reference: to the right of 1 is better, to the left worse, on a logarithmic scale.

use std::fmt::Write;

use super::svg::{Anchor, Drawing, LABEL, MARGIN, PLAIN, Type, WIDTH, wrapped};
use super::{Axis, Series, legend};

/// Height of a bar.
const BAR: f64 = 18.0;
/// Height of a label's line.
const LINE: f64 = 18.0;
/// Distance of a bar from its label.
const GAP: f64 = 8.0;
/// Width of the column of values.
const VALUES: f64 = 58.0;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What was measured
    pub label: String,
    /// The ratio
    pub ratio: f64,
    /// The least and the greatest that it may be, by how the rounds differed
    pub range: (f64, f64),
    /// The ratio that was aimed at
    pub target: Option<f64>,
    /// The same ratio of other servers
    pub others: Vec<(Series, f64)>,
    /// Whether it is not to be relied on
    pub noisy: bool,
}

/// A plot of at most about eight bars.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Name
    pub title: String,
    /// What the scale means
    pub scale: String,
    /// Whose bars they are
    pub subject: (Series, String),
    /// Who is 1
    pub reference: String,
    /// Whose the markers under the bars are
    pub others: Vec<(Series, String)>,
    /// From the top down
    pub bars: Vec<Bar>,
}

impl Bars {
    /// The SVG.
    pub fn draw(&self) -> String {
        let mut drawing = Drawing::new(&self.title, &self.scale);
        self.draw_legend(&mut drawing);
        let axis = self.axis();
        let ticks = axis.ticks(30.0);
        for bar in &self.bars {
            bar.draw_grid(&mut drawing, axis, &ticks);
            bar.draw(&mut drawing, axis, self.subject.0);
        }
        for tick in &ticks {
            let name = format!("{}×", trimmed(*tick));
            drawing.text(
                axis.at(*tick),
                drawing.y + 15.0,
                Anchor::Middle,
                PLAIN,
                &name,
            );
        }
        drawing.y += 20.0;
        drawing.finish(&self.title, &self.description())
    }

    fn draw_legend(&self, drawing: &mut Drawing) {
        let mut items = vec![(legend::Mark::Bar(self.subject.0), self.subject.1.as_str())];
        if self.bars.iter().any(|bar| bar.target.is_some()) {
            items.push((legend::Mark::Target, "target"));
        }
        if self.bars.iter().any(|bar| bar.range.0 < bar.range.1) {
            items.push((legend::Mark::Range, "range of rounds"));
        }
        if self.bars.iter().any(|bar| bar.ratio < 1.0) {
            items.push((legend::Mark::Worse(self.subject.0), "below 1: worse"));
        }
        items.extend(
            self.others
                .iter()
                .map(|(series, name)| (legend::Mark::Marker(*series), name.as_str())),
        );
        legend::draw(drawing, &items);
    }

    /// From just below 1, or the least value, to the greatest.
    fn axis(&self) -> Axis {
        let mut low: f64 = 1.0;
        let mut high: f64 = 2.0;
        for bar in &self.bars {
            let others = bar.others.iter().map(|(_, ratio)| *ratio);
            for value in others
                .chain([bar.ratio, bar.range.0, bar.range.1])
                .chain(bar.target)
            {
                low = low.min(value);
                high = high.max(value);
            }
        }
        let from = MARGIN + 8.0;
        Axis::logarithmic(low / 1.02, high * 1.05, from, WIDTH - MARGIN - VALUES)
    }

    fn description(&self) -> String {
        let mut text = format!("{} {} is 1.", self.scale, self.reference);
        for bar in &self.bars {
            write!(text, " {}: {}", bar.label, times(bar.ratio))
                .expect("a String takes what it is given");
            if let Some(target) = bar.target {
                write!(text, ", target {}×", trimmed(target))
                    .expect("a String takes what it is given");
            }
            text.push('.');
        }
        text
    }
}

impl Bar {
    fn height(&self) -> f64 {
        let markers = if self.others.is_empty() { 0.0 } else { 17.0 };
        LINE * self.lines().len() as f64 + GAP + BAR + markers + 8.0
    }

    /// The label, in lines that leave room for the word at their end.
    fn lines(&self) -> Vec<String> {
        let room = if self.noisy { 46.0 } else { 0.0 };
        wrapped(&self.label, LABEL, WIDTH - 2.0 * MARGIN - room)
    }

    /// Lines beside the bar, but not through its label.
    fn draw_grid(&self, drawing: &mut Drawing, axis: Axis, ticks: &[f64]) {
        let top = drawing.y + LINE * self.lines().len() as f64 + GAP - 4.0;
        let bottom = drawing.y + self.height() - 4.0;
        for tick in ticks {
            let class = if (tick - 1.0).abs() < 1e-9 {
                "axis"
            } else {
                "grid"
            };
            drawing.path(
                &format!("M{:.1} {top:.1}V{bottom:.1}", axis.at(*tick)),
                class,
            );
        }
    }

    fn draw(&self, drawing: &mut Drawing, axis: Axis, subject: Series) {
        let mut base = drawing.y;
        for line in self.lines() {
            base += LINE;
            drawing.text(MARGIN, base, Anchor::Start, LABEL, &line);
        }
        if self.noisy {
            drawing.text(WIDTH - MARGIN, base, Anchor::End, PLAIN, "noisy");
        }
        let top = base + GAP;
        let middle = top + BAR / 2.0;
        let (one, end) = (axis.at(1.0), axis.at(self.ratio));
        let class = if self.ratio < 1.0 {
            format!("{} worse", subject.class())
        } else {
            subject.class()
        };
        drawing.rectangle(
            (one.min(end), top),
            ((end - one).abs().max(1.5), BAR),
            &class,
        );
        self.draw_range(drawing, axis, middle);
        if let Some(target) = self.target {
            let x = axis.at(target);
            let line = format!("M{x:.1} {:.1}v{}", top - 4.0, BAR + 8.0);
            drawing.path(&line, "halo wide");
            drawing.path(&line, "target");
        }
        let value = Type(17.0, "bold");
        drawing.text(
            WIDTH - MARGIN,
            middle + 6.0,
            Anchor::End,
            value,
            &times(self.ratio),
        );
        for (series, ratio) in &self.others {
            drawing.marker((axis.at(*ratio), top + BAR + 9.0), *series);
        }
        drawing.y += self.height();
    }

    fn draw_range(&self, drawing: &mut Drawing, axis: Axis, middle: f64) {
        let (low, high) = (axis.at(self.range.0), axis.at(self.range.1));
        if high - low > 2.0 {
            let (top, bottom) = (middle - 5.0, middle + 5.0);
            let caps = format!(
                "M{low:.1} {top:.1}V{bottom:.1}M{high:.1} {top:.1}V{bottom:.1}M{low:.1} {middle:.1}H{high:.1}"
            );
            drawing.path(&caps, "halo");
            drawing.path(&caps, "ink");
        }
    }
}

/// A ratio as text, rounded down, so that none looks better than it is.
pub fn times(ratio: f64) -> String {
    let decimals: u8 = match ratio {
        ..3.0 => 2,
        3.0..10.0 => 1,
        _ => 0,
    };
    let unit = 10f64.powi(decimals.into());
    let rounded = (ratio * unit + 1e-6).floor() / unit;
    format!("{rounded:.places$}×", places = decimals.into())
}

/// A number that somebody has set: as many decimals as it has, two at most.
pub fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_never_looks_better_than_it_is() {
        assert_eq!(
            [0.998, 1.799_9, 1.8, 8.96, 17.9].map(times),
            ["0.99×", "1.79×", "1.80×", "8.9×", "17×"]
        );
    }
}
