//! A drawing and the few marks that the plots are made of. Every text is escaped here and nowhere else.

use std::fmt::Write;

use super::Series;

/// Width in the drawing's units, in which type is 13 and more: a phone shows one unit as about one pixel.
pub const WIDTH: f64 = 400.0;

/// Distance of everything from the edge.
pub const MARGIN: f64 = 14.0;

/// How much larger than a phone's a drawing is where there is room; two side by side still fit on a page.
const ENLARGED: f64 = 1.1;

/// Average width of a character as a share of the type's size, plain and bold, in a wide font, so that none overflows.
const CHARACTER: [f64; 2] = [0.54, 0.58];

const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;fill:#1b1f24}\
.paper{fill:#fff;stroke:#d0d7de}.quiet{fill:#57606a}.bold{font-weight:600}\
.grid{stroke:#d8dee4;fill:none}.axis{stroke:#57606a;fill:none}.ink{stroke:#1b1f24;stroke-width:1.5;fill:none}.halo{stroke:#fff;stroke-width:4;fill:none}.wide{stroke-width:6}\
.target{stroke:#1b1f24;stroke-width:3;fill:none}.pale{fill-opacity:.25;stroke-width:1.5}.worse{fill-opacity:.3;stroke-width:1.5;stroke-dasharray:4 3}\
.s0{fill:#0072b2;stroke:#0072b2}.s1{fill:#009e73;stroke:#009e73}.s2{fill:#d55e00;stroke:#d55e00}\
.s3{fill:#e69f00;stroke:#e69f00}.s4{fill:#cc79a7;stroke:#cc79a7}.s5{fill:#6e7781;stroke:#6e7781}\
.s6{fill:#56b4e9;stroke:#56b4e9}.line{fill:none;stroke-width:2.5;stroke-linejoin:round}\
@media(prefers-color-scheme:dark){\
text{fill:#e6edf3}.paper{fill:#0d1117;stroke:#30363d}.quiet{fill:#9da7b3}\
.grid{stroke:#2a3038}.axis{stroke:#9da7b3}.ink{stroke:#e6edf3}.halo{stroke:#0d1117}.target{stroke:#e6edf3}\
.s0{fill:#56b4e9;stroke:#56b4e9}.s1{fill:#19b88d;stroke:#19b88d}.s2{fill:#ee7733;stroke:#ee7733}\
.s4{fill:#dd8fbb;stroke:#dd8fbb}.s5{fill:#b1bac4;stroke:#b1bac4}.s6{fill:#f0e442;stroke:#f0e442}\
.line{fill:none}}";

/// Where a text stands in relation to its coordinate.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// The text starts there
    Start,
    /// Its middle is there
    Middle,
    /// It ends there
    End,
}

/// How a text looks: its size and its classes.
#[derive(Clone, Copy, Debug)]
pub struct Type(pub f64, pub &'static str);

/// Of the figure's name.
pub const TITLE: Type = Type(20.0, "bold");
/// Of what is read first.
pub const LABEL: Type = Type(15.0, "bold");
/// Of what explains.
pub const PLAIN: Type = Type(14.0, "quiet");

/// An SVG in the making, from the top down.
pub struct Drawing {
    body: String,
    /// The next free vertical coordinate
    pub y: f64,
}

impl Drawing {
    /// A drawing with its name and, under it, what its scale means.
    pub fn new(title: &str, scale: &str) -> Self {
        let mut drawing = Drawing {
            body: String::new(),
            y: MARGIN,
        };
        drawing.paragraph(title, TITLE);
        drawing.paragraph(scale, PLAIN);
        drawing
    }

    /// One line of text on the given base line.
    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, Type(size, class): Type, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.push(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>"
        ));
    }

    /// Text over the whole width, in as many lines as it takes.
    pub fn paragraph(&mut self, text: &str, style: Type) {
        for line in wrapped(text, style, WIDTH - 2.0 * MARGIN) {
            self.y += style.0 * 1.25;
            self.text(MARGIN, self.y - style.0 * 0.25, Anchor::Start, style, &line);
        }
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        self.push(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>"
        ));
    }

    /// A line or polygon by the data of an SVG path.
    pub fn path(&mut self, data: &str, class: &str) {
        self.push(&format!("<path d=\"{data}\" class=\"{class}\"/>"));
    }

    /// A line through points, in the colour and dash of a series.
    pub fn curve(&mut self, points: &[(f64, f64)], series: Series) {
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let (points, class, dash) = (points.join(" "), series.class(), series.dash());
        self.push(&format!(
            "<polyline points=\"{points}\" class=\"{class} line\" stroke-dasharray=\"{dash}\"/>"
        ));
    }

    /// The marker of a series.
    pub fn marker(&mut self, (x, y): (f64, f64), series: Series) {
        let (shape, class) = (series.shape(), series.class());
        self.push(&format!(
            "<path transform=\"translate({x:.1} {y:.1})\" d=\"{shape}\" class=\"{class}\"/>"
        ));
    }

    /// The whole document; `description` says in words what the plot shows.
    pub fn finish(self, title: &str, description: &str) -> String {
        let height = (self.y + MARGIN).ceil();
        let (wide, high) = ((WIDTH * ENLARGED).round(), (height * ENLARGED).round());
        let (title, description, body) = (escaped(title), escaped(description), self.body);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{wide}\" height=\"{high}\" \
             role=\"img\" aria-labelledby=\"title description\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"description\">{description}</desc>\n<style>{STYLE}</style>\n\
             <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" class=\"paper\"/>\n{body}</svg>\n",
            WIDTH - 1.0,
            height - 1.0
        )
    }

    fn push(&mut self, element: &str) {
        writeln!(self.body, "{element}").expect("a String takes what it is given");
    }
}

/// Text as it must stand in XML, in an attribute too; characters that XML forbids are left out.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(' '),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => {}
            _ => escaped.push(character),
        }
    }
    escaped
}

/// About how wide a text is.
pub fn text_width(text: &str, Type(size, class): Type) -> f64 {
    text.chars().count() as f64 * size * CHARACTER[usize::from(class == "bold")]
}

/// Lines of at most `width`, broken between words.
pub fn wrapped(text: &str, style: Type, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), style) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_not_become_markup() {
        assert_eq!(
            escaped("<a b=\"c\">&\u{1}\n"),
            "&lt;a b=&quot;c&quot;&gt;&amp; "
        );
    }

    #[test]
    fn lines_are_broken_between_words_and_lose_none() {
        let lines = wrapped("one two three", Type(10.0, "bold"), 50.0);
        assert_eq!(lines, ["one two", "three"]);
    }
}
