//! What the marks of a plot mean, in as many lines as it takes.

use super::Series;
use super::svg::{Anchor, Drawing, MARGIN, PLAIN, WIDTH, text_width};

/// Width of a mark with the space after it.
const MARK: f64 = 28.0;
/// Space between two entries.
const GAP: f64 = 10.0;
/// Height of a line.
const LINE: f64 = 21.0;

/// A mark to be explained.
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// A bar of a series
    Bar(Series),
    /// The paler part of a bar
    Pale(Series),
    /// A bar that falls behind
    Worse(Series),
    /// A marker alone
    Marker(Series),
    /// A curve with its marker
    Curve(Series),
    /// The line of a target
    Target,
    /// The whisker of a range
    Range,
}

/// Draws the entries where the drawing has come to.
pub fn draw(drawing: &mut Drawing, entries: &[(Mark, &str)]) {
    let mut x = MARGIN;
    drawing.y += 5.0;
    for (mark, name) in entries {
        let width = MARK + text_width(name, PLAIN);
        if x > MARGIN && x + width > WIDTH - MARGIN {
            x = MARGIN;
            drawing.y += LINE;
        }
        mark.draw(drawing, x, drawing.y + LINE / 2.0);
        drawing.text(
            x + MARK,
            drawing.y + LINE / 2.0 + 5.0,
            Anchor::Start,
            PLAIN,
            name,
        );
        x += width + GAP;
    }
    drawing.y += LINE + 3.0;
}

impl Mark {
    fn draw(self, drawing: &mut Drawing, x: f64, y: f64) {
        let centre = (x + 12.0, y);
        match self {
            Mark::Bar(series) => drawing.rectangle((x, y - 6.0), (24.0, 12.0), &series.class()),
            Mark::Pale(series) => {
                drawing.rectangle(
                    (x, y - 6.0),
                    (24.0, 12.0),
                    &format!("{} pale", series.class()),
                );
            }
            Mark::Worse(series) => {
                drawing.rectangle(
                    (x, y - 6.0),
                    (24.0, 12.0),
                    &format!("{} worse", series.class()),
                );
            }
            Mark::Marker(series) => drawing.marker(centre, series),
            Mark::Curve(series) => {
                drawing.curve(&[(x, y), (x + 24.0, y)], series);
                drawing.marker(centre, series);
            }
            Mark::Target => drawing.path(&format!("M{:.1} {:.1}v18", x + 12.0, y - 9.0), "target"),
            Mark::Range => {
                let (top, bottom, end) = (y - 5.0, y + 5.0, x + 24.0);
                drawing.path(&format!("M{x:.1} {top:.1}V{bottom:.1}M{end:.1} {top:.1}V{bottom:.1}M{x:.1} {y:.1}H{end:.1}"), "ink");
            }
        }
    }
}
