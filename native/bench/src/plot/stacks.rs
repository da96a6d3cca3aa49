//! Bars of memory in two parts, on a linear scale from zero.

use super::svg::{Anchor, Drawing, LABEL, MARGIN, PLAIN, Type, WIDTH};
use super::{Axis, Series, legend};

/// Height of a bar.
const BAR: f64 = 18.0;
/// Distance from a bar to the next.
const STEP: f64 = 26.0;
/// Width of the column of names.
const NAMES: f64 = 106.0;
/// Width of the column of values.
const VALUES: f64 = 76.0;

/// One bar.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Look of its server
    pub series: Series,
    /// Name of its server
    pub name: String,
    /// KiB in user space
    pub user: f64,
    /// KiB in the kernel
    pub kernel: f64,
}

/// Bars that are to be compared with each other.
#[derive(Clone, Debug)]
pub struct Group {
    /// What was measured
    pub label: String,
    /// From the top down
    pub stacks: Vec<Stack>,
}

/// A plot of at most about eight bars.
#[derive(Clone, Debug)]
pub struct Stacks {
    /// Name
    pub title: String,
    /// What the scale means
    pub scale: String,
    /// From the top down
    pub groups: Vec<Group>,
}

impl Stacks {
    /// The SVG.
    pub fn draw(&self) -> String {
        let mut drawing = Drawing::new(&self.title, &self.scale);
        self.draw_legend(&mut drawing);
        let total = |stack: &Stack| stack.user + stack.kernel;
        let most = self.stacks().map(total).fold(1.0, f64::max);
        let axis = Axis::linear(0.0, most, MARGIN + NAMES, WIDTH - MARGIN - VALUES);
        for group in &self.groups {
            drawing.y += 4.0;
            drawing.paragraph(&group.label, LABEL);
            drawing.y += 4.0;
            for stack in &group.stacks {
                stack.draw(&mut drawing, axis);
            }
        }
        drawing.finish(&self.title, &self.description())
    }

    fn stacks(&self) -> impl Iterator<Item = &Stack> {
        self.groups.iter().flat_map(|group| &group.stacks)
    }

    fn draw_legend(&self, drawing: &mut Drawing) {
        let Some(series) = self.stacks().map(|stack| stack.series).next() else {
            return;
        };
        let mut entries = vec![(legend::Mark::Bar(series), "user space, in numbers")];
        if self.stacks().any(|stack| stack.kernel > 0.0) {
            entries.push((legend::Mark::Pale(series), "kernel's sockets"));
        }
        legend::draw(drawing, &entries);
    }

    /// What it shows, in words.
    pub fn description(&self) -> String {
        let mut text = self.scale.clone();
        for group in &self.groups {
            let figures = group.stacks.iter().map(|s| {
                format!(
                    "{} {} in user space and {} in the kernel",
                    s.name,
                    kibibytes(s.user),
                    kibibytes(s.kernel)
                )
            });
            text.push_str(&format!(
                " {}: {}.",
                group.label,
                figures.collect::<Vec<_>>().join(", ")
            ));
        }
        text
    }
}

impl Stack {
    fn draw(&self, drawing: &mut Drawing, axis: Axis) {
        let (top, class) = (drawing.y, self.series.class());
        let base = top + BAR / 2.0 + 5.0;
        drawing.text(MARGIN + NAMES - 8.0, base, Anchor::End, PLAIN, &self.name);
        let (zero, user, end) = (
            axis.at(0.0),
            axis.at(self.user),
            axis.at(self.user + self.kernel),
        );
        drawing.rectangle((zero, top), (user - zero, BAR), &class);
        if end > user {
            drawing.rectangle((user, top), (end - user, BAR), &format!("{class} pale"));
        }
        drawing.text(
            end + 8.0,
            base,
            Anchor::Start,
            Type(15.0, "bold"),
            &kibibytes(self.user),
        );
        drawing.y += STEP;
    }
}

/// Kibibytes as text.
fn kibibytes(value: f64) -> String {
    let decimals = usize::from(value < 99.5);
    format!("{value:.decimals$} KiB")
}
