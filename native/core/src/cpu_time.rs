//! How much of the machine's time nobody uses (proc_stat(5)).

use std::fs;

/// What all cores together have spent since the machine started, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTime {
    idle: u64,
    total: u64,
}

impl CpuTime {
    /// Until now. `None` where the kernel does not tell.
    pub fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        let all_cores = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks = all_cores.split_ascii_whitespace();
        // user, nice, system, idle, iowait, irq, softirq, steal; the time of guests, which follows, is in user and nice.
        let ticks: Vec<u64> = ticks.take(8).map_while(|tick| tick.parse().ok()).collect();
        Some(CpuTime {
            idle: ticks.get(3)? + ticks.get(4)?,
            total: ticks.iter().sum(),
        })
    }

    /// The share of all cores' time since `earlier` that was idle: 0 to 1.
    pub fn idle_since(&self, earlier: &Self) -> f64 {
        let total = self.total.saturating_sub(earlier.total);
        let idle = self.idle.saturating_sub(earlier.idle);
        idle as f64 / total.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::CpuTime;

    #[test]
    fn idle_time_is_a_share_of_all() {
        let before = CpuTime::parse("cpu  10 0 10 100 20 0 0 0 5 0\ncpu0 1 2 3\n").unwrap();
        let after = CpuTime::parse("cpu  30 0 20 140 30 0 10 10 9 0\n").unwrap();
        assert_eq!(
            before,
            CpuTime {
                idle: 120,
                total: 140
            }
        );
        assert_eq!(after.idle_since(&before), 0.5);
        assert_eq!(after.idle_since(&after), 0.0);
    }

    #[test]
    fn what_is_no_table_says_nothing() {
        for stat in ["", "cpu0 1 2 3 4 5\n", "cpu  1 2 3\n", "cpu  a b\n"] {
            assert_eq!(CpuTime::parse(stat), None, "{stat:?}");
        }
    }

    #[test]
    fn this_machine_tells() {
        let now = CpuTime::now().unwrap();
        assert!((0.0..=1.0).contains(&now.idle_since(&CpuTime { idle: 0, total: 0 })));
    }
}
