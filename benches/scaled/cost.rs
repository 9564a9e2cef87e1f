//! Processor time of processes, from what the system counts.

/// Ticks of the system's clock a second, as `/proc` counts them.
const TICKS: f64 = 100.0;

/// Groups of processes whose time is told apart.
pub struct Watched {
    groups: Vec<(&'static str, Group)>,
}

/// Which processes belong together.
pub enum Group {
    These(Vec<u32>),
    /// A process and its children, as many as there are when one looks.
    Family(u32),
}

impl Watched {
    pub fn new(groups: Vec<(&'static str, Group)>) -> Self {
        Self { groups }
    }

    /// Seconds of each group so far.
    pub fn seconds(&self) -> Vec<f64> {
        self.groups.iter().map(|(_, group)| group.seconds()).collect()
    }

    /// What was spent since `before` on each thousand of `count`.
    pub fn per_thousand(&self, before: &[f64], count: f64) -> Vec<(&'static str, f64)> {
        let after = self.seconds();
        let spent = self.groups.iter().zip(after.iter().zip(before));
        spent.map(|((name, _), (after, before))| (*name, (after - before) / count * 1e3)).collect()
    }
}

impl Group {
    fn seconds(&self) -> f64 {
        match self {
            Self::These(processes) => processes.iter().filter_map(|id| look(*id)).map(|seen| seen.1).sum(),
            Self::Family(parent) => {
                let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
                let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
                let seen = ids.filter_map(|id| look(id).map(|(its_parent, seconds)| (id, its_parent, seconds)));
                seen.filter(|(id, its_parent, _)| id == parent || its_parent == parent).map(|seen| seen.2).sum()
            }
        }
    }
}

/// The parent of a process and its seconds, while it lives.
fn look(process: u32) -> Option<(u32, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((fields.get(1)?.parse().ok()?, (ticks(11)? + ticks(12)?) / TICKS))
}

/// The parent of a process.
pub fn parent(process: u32) -> Option<u32> {
    look(process).map(|seen| seen.0)
}
