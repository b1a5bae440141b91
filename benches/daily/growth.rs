//! How time and memory grow with the day: rewardd and the floor at all sizes, as a table and as a plot.
#![expect(clippy::float_arithmetic, reason = "places on a plot are no money")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::floor::FLOOR;
use crate::generate::SIZES;
use crate::options::Options;
use crate::report::{Conditions, Summary, seconds};
use crate::rewardd::REWARDD;
use crate::{Bench, Outcome, data, rounds};

/// Measures all sizes, prints the table, writes the plot.
pub fn run(bench: &mut Bench, options: &Options, target: &Path, plot: &Path) -> Outcome<()> {
    let options = Options { only: vec!["floor".into(), REWARDD.into()], ..options.clone() };
    let conditions = Conditions::now(&bench.server, &SIZES, options.seed, options.rounds)?;
    let (mut points, mut all) = (vec![], vec![]);
    for size in SIZES {
        bench.size = size;
        data::prepare(&bench.server, size, options.seed)?;
        let results = rounds(bench, &options, target)?;
        let both = results.summary(FLOOR).zip(results.summary(REWARDD));
        let (floor, rewardd) = both.ok_or("a contestant is missing")?;
        points.push(Point { votes: size.votes, floor, rewardd });
        all.push(results);
    }
    println!("\n{}\n{}", table(&points), conditions.markdown(&all));
    fs::write(plot, svg(&points))?;
    println!("The plot: {}", plot.display());
    Ok(())
}

struct Point {
    votes: u64,
    floor: Summary,
    rewardd: Summary,
}

fn table(points: &[Point]) -> String {
    let mut text = String::from(
        "| votes | floor s | rewardd s | × floor | million votes a second | peak MB |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for Point { votes, floor, rewardd } in points {
        let _ = writeln!(
            text,
            "| {votes} | {} | {} | {:.2} | {:.2} | {} |",
            seconds(floor.median),
            seconds(rewardd.median),
            rewardd.median.div_duration_f64(floor.median),
            // As microseconds for each vote, turned over.
            Duration::from_micros(*votes).div_duration_f64(rewardd.median),
            rewardd.peak_kb / 1024,
        );
    }
    text
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 56.0;

const STYLE: &str = "\
svg { font: 13px system-ui, sans-serif }
.ground { fill: #ffffff } .grid { stroke: #d8dee4; stroke-width: 1 } text { fill: #1f2328 }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round } .title { font-size: 16px; font-weight: 600 }
.rewardd { stroke: #0a5cc2 } .floor { stroke: #8a6d00; stroke-dasharray: 6 4 }
.rewardd-dot { fill: #0a5cc2 } .floor-dot { fill: #8a6d00 } .small { font-size: 12px }
.label { paint-order: stroke; stroke: #ffffff; stroke-width: 5; stroke-linejoin: round }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117 } .grid { stroke: #30363d } text { fill: #e6edf3 }
  .rewardd { stroke: #6cb0ff } .floor { stroke: #e3b341 }
  .rewardd-dot { fill: #6cb0ff } .floor-dot { fill: #e3b341 } .label { stroke: #0d1117 }
}";

/// One axis: logarithms of values, spread over a stretch of the picture.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Wide enough for the values, with a little room at both ends.
    fn over(values: impl Iterator<Item = f64> + Clone, room: f64, (from, to): (f64, f64)) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).log10() - room;
        let high = values.fold(0.0, f64::max).log10() + room;
        Self { low, high, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        self.from + (value.log10() - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// 1, 2, 5, 10, … as far as they lie on it.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)));
        all.filter(|tick| (self.low..=self.high).contains(&tick.log10()))
    }
}

fn svg(points: &[Point]) -> String {
    let votes = points.iter().map(|point| point.votes as f64);
    let times =
        points.iter().flat_map(|point| [&point.floor, &point.rewardd]).map(|it| it.median.as_secs_f64());
    let x = Axis::over(votes, 0.12, (LEFT, WIDTH - RIGHT));
    let y = Axis::over(times, 0.2, (HEIGHT - BOTTOM, TOP));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Seconds for a day by its votes\">\n<style>\n{STYLE}\n</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"28\">Seconds for a day's run, by the day's votes</text>\n"
    );
    grid(&mut text, &x, &y);
    series(&mut text, "floor", 20.0, points, (&x, &y), |point| {
        (point.floor.median, format!("{:.2} s", point.floor.median.as_secs_f64()))
    });
    series(&mut text, "rewardd", -14.0, points, (&x, &y), |point| {
        let (time, peak) = (point.rewardd.median, point.rewardd.peak_kb / 1024);
        (time, format!("{:.2} s, {peak} MB", time.as_secs_f64()))
    });
    text + "</svg>\n"
}

/// Lines and numbers, each axis with its own.
fn grid(text: &mut String, x: &Axis, y: &Axis) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for tick in x.ticks() {
        let (at, millions, below) = (x.place(tick), tick / 1e6, bottom + 20.0);
        let _ = writeln!(
            text,
            "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>\
             <text class=\"small\" x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{millions} M</text>"
        );
    }
    for tick in y.ticks() {
        let (at, beside) = (y.place(tick), LEFT - 8.0);
        let _ = writeln!(
            text,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
             <text class=\"small\" x=\"{beside}\" y=\"{at:.1}\" dy=\"4\" text-anchor=\"end\">{tick} s</text>"
        );
    }
    let (middle, below) = ((LEFT + right) / 2.0, HEIGHT - 12.0);
    let _ = writeln!(
        text,
        "<text class=\"small\" x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">votes (both scales logarithmic)</text>"
    );
}

/// A line through the points, each with its label; the last also with the line's name.
fn series(
    text: &mut String,
    name: &str,
    label_below: f64,
    points: &[Point],
    (x, y): (&Axis, &Axis),
    value: impl Fn(&Point) -> (Duration, String),
) {
    let mut path = String::new();
    let mut labels = String::new();
    for (index, point) in points.iter().enumerate() {
        let (time, mut label) = value(point);
        let (right, down) = (x.place(point.votes as f64), y.place(time.as_secs_f64()));
        // Labels stand above a rising line on its left, below it on its right, as far as there is room.
        let (step, anchor) = match (index, label_below > 0.0) {
            (0, below) => ("M", if below { "start" } else { "middle" }),
            (_, true) if index + 1 < points.len() => ("L", "start"),
            _ => ("L", "end"),
        };
        if index + 1 == points.len() {
            label = format!("{name}: {label}");
        }
        let _ = write!(path, "{step}{right:.1} {down:.1}");
        let _ = writeln!(
            labels,
            "<circle class=\"{name}-dot\" cx=\"{right:.1}\" cy=\"{down:.1}\" r=\"4\"/>\
             <text class=\"small label\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
            down + label_below,
        );
    }
    let _ = writeln!(text, "<path class=\"line {name}\" d=\"{path}\"/>\n{labels}");
}
