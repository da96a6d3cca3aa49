//! Plots as SVG that stands alone: no script, no font of its own, one column as wide as a phone, for light and dark surroundings.

pub mod bars;
pub mod curves;
pub mod legend;
pub mod stacks;
pub mod svg;

/// What tells one server from another in every plot: a colour of Okabe and Ito's set, a shape and a dash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series(usize);

impl Series {
    /// How many can be told apart; there is no look for more.
    pub const COUNT: usize = 7;

    /// The look number `index`; from `COUNT` on they repeat.
    pub fn new(index: usize) -> Self {
        Series(index % Self::COUNT)
    }

    /// Its class in the style sheet.
    pub fn class(self) -> String {
        format!("s{}", self.0)
    }

    /// Its dash, for lines.
    pub fn dash(self) -> &'static str {
        ["none", "9 4", "none", "3 4", "12 4 3 4", "6 6", "2 2"][self.0]
    }

    /// Its marker's outline around (0, 0), as data of an SVG path.
    pub fn shape(self) -> &'static str {
        [
            "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z",
            "M0 -7L6.5 5H-6.5z",
            "M-5.5 -5.5H5.5V5.5H-5.5z",
            "M0 7L6.5 -5H-6.5z",
            "M0 -7L7 0L0 7L-7 0z",
            "M-2 -6H2V-2H6V2H2V6H-2V2H-6V-2H-2z",
            "M-6 -2.5H6V2.5H-6z",
        ][self.0]
    }
}

/// A logarithmic or linear axis: where on the drawing a value lies.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Axis {
    /// Values from `low` to `high`, both above zero, by their logarithm between the coordinates `from` and `to`.
    pub fn logarithmic(low: f64, high: f64, from: f64, to: f64) -> Self {
        let (low, high) = (low.ln(), high.ln());
        Axis {
            low,
            high,
            from,
            to,
            logarithmic: true,
        }
    }

    /// Values from `low` to `high` between the coordinates `from` and `to`.
    pub fn linear(low: f64, high: f64, from: f64, to: f64) -> Self {
        Axis {
            low,
            high,
            from,
            to,
            logarithmic: false,
        }
    }

    /// The coordinate of a value; values off the axis lie at its end.
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(f64::MIN_POSITIVE).ln()
        } else {
            value
        };
        let share = (value - self.low) / (self.high - self.low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round values on a logarithmic axis, `apart` or more from each other: 1, 2 and 5 times the powers of ten, or the powers alone.
    pub fn ticks(&self, apart: f64) -> Vec<f64> {
        let decade = (self.to - self.from).abs() * std::f64::consts::LN_10 / (self.high - self.low);
        // The least distance is that from 1 to 2, and from 5 to 10.
        let steps: &[f64] = if decade * 2f64.log10() >= apart {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let (low, high) = (self.low.exp(), self.high.exp());
        let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let all = exponents
            .flat_map(|exponent| steps.iter().map(move |step| step * 10f64.powi(exponent)));
        all.filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_within_bounds_and_apart() {
        let ticks = |width| Axis::logarithmic(0.5, 20.0, 0.0, width).ticks(20.0);
        assert_eq!(ticks(300.0), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(ticks(100.0), [1.0, 10.0]);
    }

    #[test]
    fn a_value_off_the_axis_lies_at_its_end() {
        let axis = Axis::logarithmic(1.0, 100.0, 0.0, 10.0);
        let at = [0.0, 1.0, 10.0, 1e9].map(|value| axis.at(value).round() as i64);
        assert_eq!(at, [0, 0, 5, 10]);
    }

    #[test]
    fn series_differ_in_shape() {
        let shapes: std::collections::HashSet<_> =
            (0..Series::COUNT).map(|i| Series::new(i).shape()).collect();
        assert_eq!(shapes.len(), Series::COUNT);
    }
}
