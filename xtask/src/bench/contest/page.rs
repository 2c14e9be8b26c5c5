//! The page with all tables.

use std::fmt::Write as _;
use std::fs;

use super::Options;
use super::results::{Results, bars};

const PAGE: &str = include_str!("templates/page.md.txt");

/// What all was measured on.
pub(super) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: Option<f64>,
}

impl Machine {
    /// This one.
    pub(super) fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { processor: processor(&read("/proc/cpuinfo")), cores, memory_gib: memory_gib(&read("/proc/meminfo")) }
    }

    fn words(&self) -> String {
        let memory = self.memory_gib.map_or_else(String::new, |memory| format!(", {memory:.0} GiB of memory"));
        format!("{} cores of {}{memory}, {}", self.cores, self.processor, std::env::consts::OS)
    }
}

/// The page.
pub(super) fn page(results: &[Results], options: Options, compiler: &str, machine: &Machine) -> String {
    let (mut tables, mut commands) = (String::new(), String::new());
    for result in results {
        let _ = writeln!(tables, "{}", result.text());
        commands.push_str(&result.commands());
    }
    let only = options.only.map_or_else(String::new, |part| format!(" --only {}", part.name()));
    PAGE.replace("TABLES\n", tables.trim_start())
        .replace("BARS\n", &bars(results))
        .replace("COMMANDS\n", &commands)
        .replace("OPTIONS", &format!("--rounds {}{only} --write", options.rounds))
        .replace("COMPILER", compiler)
        .replace("MACHINE", &machine.words())
}

fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory_gib(meminfo: &str) -> Option<f64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<f64>().ok().map(|kib| kib / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_known() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: Abacus 2\nflags\t: fast"), "Abacus 2");
        assert_eq!(processor(""), std::env::consts::ARCH);
        assert_eq!(memory_gib("MemTotal:       2097152 kB\nMemFree: 1 kB"), Some(2.0));
        let machine = Machine { processor: "Abacus 2".to_owned(), cores: 3, memory_gib: Some(2.0) };
        assert!(machine.words().starts_with("3 cores of Abacus 2, 2 GiB of memory, "));
    }

    #[test]
    fn nothing_of_the_template_is_left() {
        let machine = Machine { processor: "Abacus 2".to_owned(), cores: 3, memory_gib: None };
        let page = page(&[], Options::default(), "rustc 1.0.0", &machine);
        for placeholder in ["TABLES", "BARS", "COMMANDS", "OPTIONS", "COMPILER", "MACHINE"] {
            assert!(!page.contains(placeholder), "{placeholder}");
        }
        assert!(page.contains("cargo xtask bench engine --rounds 5 --write"));
    }
}
