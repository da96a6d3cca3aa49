//! What `/proc` says about a server's processes and about the machine.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Linux reports CPU times to user space in hundredths of a second on every architecture that we build for.
const TICK: Duration = Duration::from_millis(10);

/// The processes that make up one server, its first one in front.
#[derive(Clone, Debug)]
pub struct Processes(Vec<u32>);

/// Memory of a server in user space, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Proportional set size: shared pages count by share
    pub pss: u64,
    /// Resident set size
    pub rss: u64,
}

/// Memory that the kernel uses for the whole machine, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct KernelMemory {
    /// Buffers of all TCP sockets
    pub socket_buffers: u64,
    /// Structures that can't be reclaimed, such as those of sockets
    pub structures: u64,
}

impl KernelMemory {
    /// Reads `/proc/net/sockstat` and `/proc/meminfo`.
    pub fn read() -> Result<Self> {
        let path = "/proc/net/sockstat";
        let sockstat = fs::read_to_string(path).with_context(|| format!("{path} can't be read"))?;
        let pages: u64 = sockstat
            .lines()
            .find(|line| line.starts_with("TCP:"))
            .and_then(|line| {
                line.split_whitespace()
                    .skip_while(|word| *word != "mem")
                    .nth(1)
            })
            .with_context(|| format!("{path} has no memory of TCP"))?
            .parse()?;
        let path = "/proc/meminfo";
        let meminfo = fs::read_to_string(path).with_context(|| format!("{path} can't be read"))?;
        Ok(KernelMemory {
            socket_buffers: pages * rustix::param::page_size() as u64,
            structures: kibibytes(&meminfo, "SUnreclaim:")? * 1024,
        })
    }
}

impl Processes {
    /// One process alone.
    pub fn single(pid: u32) -> Self {
        Processes(vec![pid])
    }

    /// The process `root` and all its descendants that exist now.
    pub fn tree(root: u32) -> Result<Self> {
        let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
            .context("/proc can't be read")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, stat(pid).ok()?.get(1)?.parse().ok()?)))
            .collect();
        let mut tree = vec![root];
        let mut next = 0;
        while let Some(&parent) = tree.get(next) {
            tree.extend(
                parents
                    .iter()
                    .filter(|(_, p)| *p == parent)
                    .map(|(pid, _)| *pid),
            );
            next += 1;
        }
        Ok(Processes(tree))
    }

    /// Whether one of them runs this program.
    pub fn run(&self, program: &str) -> bool {
        self.0.iter().any(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.trim_end() == program
        })
    }

    /// CPU time, user and system, that the processes have used since they started. A descendant that has ended counts no more.
    pub fn cpu(&self) -> Result<Duration> {
        let mut ticks = 0;
        for (index, &pid) in self.0.iter().enumerate() {
            let stat = match stat(pid) {
                Err(_) if index > 0 => continue,
                other => other?,
            };
            ticks += number(&stat, 11)? + number(&stat, 12)?;
        }
        Ok(TICK * u32::try_from(ticks)?)
    }

    /// Memory that the processes hold now, those descendants left out that have ended.
    pub fn memory(&self) -> Result<Memory> {
        let mut memory = Memory { pss: 0, rss: 0 };
        for (index, pid) in self.0.iter().enumerate() {
            let path = format!("/proc/{pid}/smaps_rollup");
            let text = match fs::read_to_string(&path) {
                Err(_) if index > 0 => continue,
                other => other.with_context(|| format!("{path} can't be read"))?,
            };
            memory.pss += kibibytes(&text, "Pss:")? * 1024;
            memory.rss += kibibytes(&text, "Rss:")? * 1024;
        }
        Ok(memory)
    }
}

/// CPU time that all processes of the machine have used since boot, interrupts included.
pub fn machine_cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/stat").context("/proc/stat can't be read")?;
    let line = text.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|t| t.parse().ok())
        .collect();
    let is_busy = |(i, _): &(usize, &u64)| matches!(i, 0..3 | 5..8);
    let busy: u64 = ticks
        .iter()
        .enumerate()
        .filter(is_busy)
        .map(|(_, t)| t)
        .sum();
    Ok(TICK * u32::try_from(busy)?)
}

/// Fields of `/proc/PID/stat` after the command, so that index 0 is the state.
fn stat(pid: u32) -> Result<Vec<String>> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("process {pid} is gone"))?;
    let (_, rest) = text
        .rsplit_once(')')
        .with_context(|| format!("{path} has no command"))?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn number(fields: &[String], index: usize) -> Result<u64> {
    let field = fields
        .get(index)
        .context("a field is missing in /proc/PID/stat")?;
    Ok(field.parse()?)
}

fn kibibytes(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(value
        .with_context(|| format!("/proc has no {name}"))?
        .parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_no_more_cpu_than_the_machine() {
        let own = Processes::tree(std::process::id()).unwrap();
        let memory = own.memory().unwrap();
        assert!(memory.pss > 0 && memory.pss <= memory.rss);
        assert!(own.cpu().unwrap() <= machine_cpu().unwrap());
    }

    #[test]
    fn a_child_belongs_to_the_tree() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let Processes(tree) = Processes::tree(std::process::id()).unwrap();
        assert!(tree.contains(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_is_gone_is_an_error_that_says_so() {
        let error = Processes::single(u32::MAX).cpu().unwrap_err();
        assert!(error.to_string().contains("is gone"));
    }
}
