//! A page with all tables.

use std::fmt::Write as _;
use std::fs;

use super::results::{Results, bars};

/// A page in the documentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) path: &'static str,
    /// Its text, with names in capitals where something is filled in.
    pub(crate) template: &'static str,
}

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

impl Page {
    /// The page, written by `cargo xtask` and this command.
    pub(super) fn text(&self, results: &[Results], command: &str, compiler: &str, machine: &Machine) -> String {
        let (mut tables, mut commands) = (String::new(), String::new());
        for result in results {
            let _ = writeln!(tables, "{}", result.text());
            commands.push_str(&result.commands());
        }
        self.template
            .replace("TABLES\n", tables.trim_start())
            .replace("BARS\n", &bars(results))
            .replace("COMMANDS\n", &commands)
            .replace("COMMAND", command)
            .replace("COMPILER", compiler)
            .replace("MACHINE", &machine.words())
    }
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
    fn nothing_of_a_template_is_left() {
        let machine = Machine { processor: "Abacus 2".to_owned(), cores: 3, memory_gib: None };
        for page in [crate::bench::engine::PAGE, crate::bench::peers::PAGE, crate::bench::postgres::PAGE] {
            let text = page.text(&[], "bench it --rounds 5 --write", "rustc 1.0.0", &machine);
            for placeholder in ["TABLES", "BARS", "COMMAND", "COMPILER", "MACHINE"] {
                assert!(page.template.contains(placeholder) && !text.contains(placeholder), "{}: {placeholder}", page.path);
            }
            assert!(text.contains("`cargo xtask bench it --rounds 5 --write`"), "{text}");
        }
    }
}
