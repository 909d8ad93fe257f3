//! CPU time as the kernel counts it, in ticks of 10 ms.

use std::fs;
use std::time::Duration;

/// A tick of `/proc/PID/stat` (`USER_HZ` is 100 on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process so far.
pub(crate) fn of(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces: count from the parenthesis behind it. Fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some(TICK * ticks)
}

/// User and system time of this process so far.
pub(crate) fn own() -> Duration {
    of(std::process::id()).unwrap_or_default()
}

/// The processor's name and how many there are.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{} x {}", cores, model.unwrap_or("unknown processor"))
}
