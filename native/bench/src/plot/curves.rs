//! Curves of latency over percentiles: every nine further to the right is as wide as the one before.

use super::svg::{Anchor, Drawing, MARGIN, PLAIN, WIDTH};
use super::{Axis, Series, legend};

/// Height of the plot's area.
const HEIGHT: f64 = 260.0;
/// Space for the numbers at the left.
const LEFT: f64 = 66.0;

/// The percentiles that get a line, a number and a marker.
const MARKED: [(f64, &str); 6] = [
    (0.0, "0"),
    (0.5, "50"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
];

/// The latencies of one server.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Look
    pub series: Series,
    /// Name
    pub name: String,
    /// Share of the messages, below 1, and microseconds within which they were answered, ascending
    pub points: Vec<(f64, f64)>,
}

/// A plot of latency over percentiles.
#[derive(Clone, Debug)]
pub struct Curves {
    /// Name
    pub title: String,
    /// What was measured
    pub scale: String,
    /// Few enough to be told apart
    pub curves: Vec<Curve>,
}

impl Curves {
    /// The SVG.
    pub fn draw(&self) -> String {
        let mut drawing = Drawing::new(&self.title, &self.scale);
        let entries: Vec<_> = self
            .curves
            .iter()
            .map(|c| (legend::Mark::Curve(c.series), c.name.as_str()))
            .collect();
        legend::draw(&mut drawing, &entries);
        let top = drawing.y + 8.0;
        let (across, up) = self.axes(top);
        self.draw_axes(&mut drawing, across, up);
        for curve in &self.curves {
            curve.draw(&mut drawing, across, up);
        }
        drawing.y = top + HEIGHT + 24.0;
        drawing.text(
            WIDTH - MARGIN,
            drawing.y + 12.0,
            Anchor::End,
            PLAIN,
            "percentile of the messages",
        );
        drawing.y += 16.0;
        drawing.finish(&self.title, &self.description())
    }

    fn axes(&self, top: f64) -> (Axis, Axis) {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let last = points().map(|p| p.0).fold(0.9, f64::max);
        let fastest = points()
            .map(|p| p.1)
            .fold(f64::MAX, f64::min)
            .clamp(0.1, 1e6);
        let slowest = points().map(|p| p.1).fold(fastest * 2.0, f64::max);
        let across = Axis::linear(0.0, nines(last), LEFT, WIDTH - MARGIN - 14.0);
        (
            across,
            Axis::logarithmic(fastest / 1.15, slowest * 1.15, top + HEIGHT, top),
        )
    }

    fn draw_axes(&self, drawing: &mut Drawing, across: Axis, up: Axis) {
        let (left, right, bottom, top) = (across.from, across.to, up.from, up.to);
        for (share, name) in MARKED
            .iter()
            .filter(|(share, _)| nines(*share) <= across.high + 1e-9)
        {
            let x = across.at(nines(*share));
            drawing.path(&format!("M{x:.1} {top:.1}V{bottom:.1}"), "grid");
            drawing.text(x, bottom + 18.0, Anchor::Middle, PLAIN, name);
        }
        for tick in up.ticks(20.0) {
            let y = up.at(tick);
            drawing.path(&format!("M{left:.1} {y:.1}H{right:.1}"), "grid");
            drawing.text(left - 6.0, y + 5.0, Anchor::End, PLAIN, &duration(tick));
        }
        drawing.path(
            &format!("M{left:.1} {top:.1}V{bottom:.1}H{right:.1}"),
            "axis",
        );
    }

    fn description(&self) -> String {
        let mut text = self.scale.clone();
        for curve in &self.curves {
            let marked = MARKED[1..].iter().filter_map(|(share, name)| {
                Some(format!(
                    "{} at the {name}th percentile",
                    duration(curve.at(*share)?)
                ))
            });
            text.push_str(&format!(
                " {}: {}.",
                curve.name,
                marked.collect::<Vec<_>>().join(", ")
            ));
        }
        text
    }
}

impl Curve {
    fn draw(&self, drawing: &mut Drawing, across: Axis, up: Axis) {
        let place = |(share, latency): (f64, f64)| (across.at(nines(share)), up.at(latency));
        let points: Vec<_> = self.points.iter().map(|point| place(*point)).collect();
        drawing.curve(&points, self.series);
        for (share, _) in &MARKED[1..] {
            if let Some(latency) = self.at(*share) {
                drawing.marker(place((*share, latency)), self.series);
            }
        }
    }

    /// The latency at a share, between the points that are known; none beyond the last.
    fn at(&self, share: f64) -> Option<f64> {
        let after = self.points.iter().position(|p| p.0 >= share - 1e-9)?;
        let (right, right_latency) = self.points[after];
        let Some(&(left, left_latency)) = after.checked_sub(1).map(|before| &self.points[before])
        else {
            return Some(right_latency);
        };
        let part = (nines(share) - nines(left)) / (nines(right) - nines(left));
        Some(left_latency + part * (right_latency - left_latency))
    }
}

/// How many nines a share has: 0.9 has one, 0.99 two.
fn nines(share: f64) -> f64 {
    -(1.0 - share).max(1e-7).log10()
}

/// Microseconds with the unit that suits them.
pub fn duration(microseconds: f64) -> String {
    let (value, unit) = match microseconds {
        ..1e3 => (microseconds, "µs"),
        1e3..1e6 => (microseconds / 1e3, "ms"),
        _ => (microseconds / 1e6, "s"),
    };
    let decimals = usize::from(value < 9.95 && value.fract() > 0.05);
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_given_in_the_unit_that_suits_them() {
        assert_eq!(
            [5.0, 18.9, 1_500.0, 2e6].map(duration),
            ["5 µs", "19 µs", "1.5 ms", "2 s"]
        );
    }

    #[test]
    fn a_latency_between_two_points_lies_between_theirs() {
        let curve = Curve {
            series: Series::new(0),
            name: String::new(),
            points: vec![(0.0, 1.0), (0.9, 3.0)],
        };
        assert_eq!(curve.at(0.9), Some(3.0));
        assert!(
            curve
                .at(0.5)
                .is_some_and(|latency| (1.0..3.0).contains(&latency))
        );
        assert_eq!(curve.at(0.99), None);
    }
}
