//! Medians, spread and percentiles of what was measured.

use hdrhistogram::Histogram;

use crate::modes::{Figures, histogram};
use crate::results::{Cell, Latency, Sample};
use crate::rows::Value;

/// A spread above this share of the median makes a figure noisy.
const NOISY_SPREAD: f64 = 0.25;

/// Other processes that use more than this many cores make a figure noisy.
const NOISY_CORES: f64 = 0.2;

/// The percentiles of a curve.
const CURVE: [f64; 40] = [
    0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0, 70.0, 75.0,
    80.0, 85.0, 87.5, 90.0, 92.0, 94.0, 95.0, 96.0, 97.0, 97.5, 98.0, 98.5, 99.0, 99.25, 99.5,
    99.7, 99.8, 99.9, 99.95, 99.97, 99.99, 99.995, 99.999, 100.0,
];

/// What a row shows of one measurement.
pub fn sample(value: Value, round: usize, figures: &Figures) -> Sample {
    if let Value::Memory(point) = value {
        let memory = figures.memory[point].clone();
        return Sample {
            round,
            value: memory.pss,
            per_second: None,
            server_cpu_us: None,
            client_cpu_us: None,
            other_cores: 0.0,
            latency: None,
            memory: Some(memory),
        };
    }
    let rate = figures
        .rate
        .as_ref()
        .expect("what is no row of memory has a rate");
    let latency = latency(&rate.times, &[]);
    Sample {
        round,
        value: match value {
            Value::ServerCpu | Value::Memory(_) => rate.server_cpu_us,
            Value::PerSecond => rate.per_second,
            Value::Median => latency.p50,
            Value::Percentile99 => latency.p99,
        },
        per_second: Some(rate.per_second),
        server_cpu_us: Some(rate.server_cpu_us),
        client_cpu_us: Some(rate.client_cpu_us),
        other_cores: rate.other_cores,
        latency: Some(latency),
        memory: figures.memory.first().cloned(),
    }
}

/// One server in one row; its ratio is not known yet. `times` are those of the samples.
pub fn cell(server: &str, value: Value, samples: Vec<Sample>, times: &[&Histogram<u64>]) -> Cell {
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    let median_value = median(&values);
    let (low, high) = bounds(&values);
    let spread = (high - low) / median_value.abs();
    let others: Vec<f64> = samples.iter().map(|sample| sample.other_cores).collect();
    let is_timed = !matches!(value, Value::Memory(_)) && !times.is_empty();
    Cell {
        server: server.to_owned(),
        median: median_value,
        low,
        high,
        spread,
        ratio: None,
        noisy: spread > NOISY_SPREAD || median(&others) > NOISY_CORES,
        latency: is_timed.then(|| {
            let mut all = histogram();
            for times in times {
                all.add(*times)
                    .expect("all histograms have the same bounds");
            }
            latency(&all, &CURVE)
        }),
        samples,
    }
}

fn latency(times: &Histogram<u64>, curve: &[f64]) -> Latency {
    let at = |percentile| times.value_at_percentile(percentile) as f64 / 1e3;
    Latency {
        count: times.len(),
        p50: at(50.0),
        p90: at(90.0),
        p99: at(99.0),
        p999: at(99.9),
        max: times.max() as f64 / 1e3,
        curve: curve.iter().map(|&p| [p, at(p)]).collect(),
    }
}

/// The one in the middle, or the mean of both; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        even if even.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn bounds(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modes::Rate;

    fn samples(costs: &[f64], other_cores: f64) -> Vec<Sample> {
        let rounds = costs.iter().enumerate();
        rounds
            .map(|(round, &server_cpu_us)| {
                let rate = Rate {
                    per_second: 1.0,
                    server_cpu_us,
                    client_cpu_us: 1.0,
                    other_cores,
                    times: histogram(),
                };
                let figures = Figures {
                    rate: Some(rate),
                    memory: Vec::new(),
                };
                sample(Value::ServerCpu, round + 1, &figures)
            })
            .collect()
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn rounds_that_differ_and_busy_neighbours_are_noise() {
        let noisy =
            |costs: &[f64], others| cell("a", Value::ServerCpu, samples(costs, others), &[]).noisy;
        assert!(!noisy(&[10.0, 11.0, 10.5], 0.1));
        assert!(noisy(&[10.0, 20.0, 10.5], 0.1));
        assert!(noisy(&[10.0, 11.0, 10.5], 0.5));
    }

    #[test]
    fn a_curve_rises_from_the_shortest_to_the_longest_time() {
        let mut times = histogram();
        for microseconds in 1..=1000 {
            times.record(microseconds * 1000).unwrap();
        }
        let latency = latency(&times, &CURVE);
        assert!(latency.curve.is_sorted_by(|a, b| a[1] <= b[1]));
        assert!((latency.p50 - 500.0).abs() < 1.0 && (latency.p99 - 990.0).abs() < 1.0);
        assert_eq!(latency.curve.last().unwrap()[1], latency.max);
    }
}
