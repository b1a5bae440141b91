//! Stacked bars as SVG, drawn by plotters on whole pixels: heights are shares of exact integers, and no float meets
//! money. Colours are stand-ins that the style sheet replaces, so that charts follow light and dark.

use maud::{Markup, PreEscaped, html};
use plotters::prelude::{IntoDrawingArea, IntoFont, PathElement, RGBColor, Rectangle, SVGBackend, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, TextStyle};

use super::format;
use super::texts::Lang;
use crate::rewards::money::Units;

/// Stand-ins: see `.chart` in the style sheet.
const SERIES: [RGBColor; 2] = [RGBColor(1, 1, 1), RGBColor(1, 1, 2)];
const GRID: RGBColor = RGBColor(1, 1, 3);
const INK: RGBColor = RGBColor(1, 1, 4);

/// Pixels. Both sizes are in the page; the style shows the one that fits.
const WIDE: (u32, u32) = (1200, 280);
const NARROW: (u32, u32) = (340, 220);
const ABOVE: i32 = 12;
const BELOW: i32 = 26;
const DIGIT: i32 = 7;
const FONT: u32 = 15;
const WIDEST: i32 = 56;

/// Grid lines above the axis.
const STEPS: i128 = 4;

/// Bars side by side, each of them a pile.
pub struct Bars {
    /// What the chart shows, for those who cannot see it.
    pub title: String,
    /// Names of the series, the lowest first; at most two.
    pub legend: Vec<&'static str>,
    /// A label for each bar, and its pile.
    pub bars: Vec<(String, Vec<Units>)>,
}

impl Bars {
    /// The chart in both sizes, with its legend.
    pub fn html(&self, lang: Lang) -> Markup {
        html! {
            figure.chart {
                figcaption {
                    span.title { (self.title) }
                    ul.legend aria-hidden="true" {
                        @for (index, name) in self.legend.iter().enumerate() {
                            li { span class=(format!("key series-{index}")) {} (name) }
                        }
                    }
                }
                div.wide { (self.svg(WIDE, lang)) }
                div.narrow { (self.svg(NARROW, lang)) }
            }
        }
    }

    fn svg(&self, size: (u32, u32), lang: Lang) -> Markup {
        let mut drawn = String::new();
        if self.draw(&mut drawn, size, lang).is_err() {
            return html! {};
        }
        // The backend's own opening tag fixes the size in pixels; ours scales and has a name.
        let inner = drawn.split_once('>').map_or("", |(_, inner)| inner);
        let view = format!("0 0 {} {}", size.0, size.1);
        html! {
            (PreEscaped(format!("<svg viewBox=\"{view}\" role=\"img\" aria-label=\"")))
            (self.title)
            (PreEscaped("\">"))
            (PreEscaped(inner))
        }
    }

    fn draw(
        &self,
        into: &mut String,
        size: (u32, u32),
        lang: Lang,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(into, size).into_drawing_area();
        let highest = self.bars.iter().map(|(_, pile)| pile.iter().map(|part| part.count()).sum()).max();
        let step = round_step(highest.unwrap_or(0));
        let labels: Vec<String> = (0..=STEPS).map(|index| axis_label(step * index, lang)).collect();
        let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(1);
        let left = 10 + DIGIT * i32::try_from(longest)?;
        let (right, bottom) = (i32::try_from(size.0)? - 4, i32::try_from(size.1)? - BELOW);
        let height = |amount: i128| -> i32 {
            let room = i128::from(bottom - ABOVE);
            i32::try_from(amount.max(0) * room / (step * STEPS)).unwrap_or(bottom - ABOVE)
        };
        let font = |horizontal, vertical| {
            TextStyle::from(("sans-serif", FONT).into_font()).color(&INK).pos(Pos::new(horizontal, vertical))
        };
        for (index, label) in (0..=STEPS).zip(&labels) {
            let y = bottom - height(step * index);
            root.draw(&PathElement::new([(left, y), (right, y)], GRID.stroke_width(1)))?;
            root.draw(&Text::new(label.as_str(), (left - 6, y), font(HPos::Right, VPos::Center)))?;
        }
        let count = i32::try_from(self.bars.len())?.max(1);
        let every = (count * 52 / (right - left).max(1) + 1).max(1);
        for ((label, pile), index) in self.bars.iter().zip(0..) {
            let (from, to) =
                (left + (right - left) * index / count, left + (right - left) * (index + 1) / count);
            // Few bars stay slim, and keep to the middle of their place.
            let gap = ((to - from) / 5).max(1).max((to - from - WIDEST) / 2);
            let mut base = bottom;
            for (part, colour) in pile.iter().zip(SERIES) {
                let top = base - height(part.count());
                if top < base {
                    root.draw(&Rectangle::new([(from + gap, top), (to - gap, base)], colour.filled()))?;
                }
                base = top;
            }
            if index % every == 0 {
                let at = ((from + to) / 2, bottom + 8);
                root.draw(&Text::new(label.as_str(), at, font(HPos::Center, VPos::Top)))?;
            }
        }
        root.present()?;
        drop(root);
        Ok(())
    }
}

/// A round number of units, of which four reach at least the highest bar: 1, 2, 2.5 or 5 with zeros.
fn round_step(highest: i128) -> i128 {
    // Where there is nothing, a scale of whole CC looks least odd.
    if highest <= 0 {
        return Units::ONE.count();
    }
    let needed = (highest + STEPS - 1) / STEPS;
    let mut ten = 1_i128;
    loop {
        for step in [ten, 2 * ten, 5 * ten / 2, 5 * ten] {
            if step >= needed.max(1) && step * STEPS >= highest {
                return step;
            }
        }
        ten *= 10;
    }
}

/// As short as it is exact.
fn axis_label(count: i128, lang: Lang) -> String {
    Units::new(count).map_or_else(|_| "…".to_owned(), |units| format::decimal(units, lang))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_reaches_over_every_bar_in_round_steps() {
        for (highest, step) in [
            (0, 100_000_000),
            (1, 1),
            (4, 1),
            (5, 2),
            (9, 5),
            (21, 10),
            (100, 25),
            (1_000_000_001, 500_000_000),
        ] {
            assert_eq!(round_step(highest), step, "{highest}");
            assert!(step * STEPS >= highest);
        }
    }

    #[test]
    fn a_chart_has_a_bar_for_each_amount_and_no_fixed_size() {
        let bars = vec![
            ("1".to_owned(), vec![Units::ONE, Units::ONE]),
            ("<2>".to_owned(), vec![Units::ZERO, Units::ONE]),
        ];
        let chart = Bars { title: "A \"chart\"".to_owned(), legend: vec!["one", "two"], bars };
        let html = chart.html(Lang::En).into_string();
        assert_eq!(html.matches("<rect").count(), 2 * 3, "{html}");
        assert!(html.contains("aria-label=\"A &quot;chart&quot;\"") && html.contains("&lt;2&gt;"), "{html}");
        assert!(!html.contains("<svg width") && !html.contains("style="), "{html}");
        assert!(html.matches("</svg>").count() == 2);
    }
}
