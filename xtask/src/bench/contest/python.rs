//! The virtual environment that the Python peers run in: made once, and anew when what they require has changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::step::{Result, command, run, works};

/// What the environment is made by.
pub(super) const PYTHON: &str = "python3";
/// What the scripts run by.
pub(super) const INTERPRETER: &str = "bench/data/venv/bin/python";
const ENVIRONMENT: &str = "bench/data/venv";
const REQUIREMENTS: &str = "bench/python/requirements.txt";
/// What has been installed: a copy of the requirements, written last.
const INSTALLED: &str = "bench/data/venv/installed.txt";

/// Makes the environment where it is not there or holds something else; an error that says what to do where it cannot be made.
pub(super) fn prepare(root: &Path, python: &str) -> Result<()> {
    let required = fs::read_to_string(root.join(REQUIREMENTS)).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
    let at_root = |program: &Path| {
        let mut command = command(program);
        command.current_dir(root);
        command
    };
    let interpreter = || at_root(&root.join(INTERPRETER));
    if fs::read_to_string(root.join(INSTALLED)).is_ok_and(|installed| installed == required) && works(interpreter().arg("--version")) {
        println!("{ENVIRONMENT} holds what {REQUIREMENTS} requires");
        return Ok(());
    }
    let python = || at_root(Path::new(python));
    can_make_one(python)?;
    if let Err(error) = fs::remove_dir_all(root.join(ENVIRONMENT))
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(format!("{ENVIRONMENT} cannot be made anew: {error}").into());
    }
    run(python().args(["-m", "venv", ENVIRONMENT]))?;
    run(interpreter().args(["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS])).map_err(|problem| {
        format!("{problem}; pip needs a package index that has these versions, and a Python that they support (see above)")
    })?;
    Ok(fs::write(root.join(INSTALLED), required)?)
}

fn can_make_one(python: impl Fn() -> Command) -> Result<()> {
    if !works(python().arg("--version")) {
        return Err("python3 was not found: install it; the peers in Python cannot be measured without".into());
    }
    if !works(python().args(["-c", "import venv, ensurepip"])) {
        return Err("python3 cannot make virtual environments: install its modules `venv` and `ensurepip` \
                    (Debian and Ubuntu: the package python3-venv)"
            .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_made_anew_only_if_something_else_is_required() {
        let root = std::env::temp_dir().join(format!("xtask-python-{}", std::process::id()));
        fs::create_dir_all(root.join("bench/python")).unwrap();
        fs::create_dir_all(root.join("bench/data/venv/bin")).unwrap();
        fs::write(root.join(REQUIREMENTS), "abacus==2\n").unwrap();
        // `cargo` has `--version` too.
        std::os::unix::fs::symlink(env!("CARGO"), root.join(INTERPRETER)).unwrap();
        let said = || prepare(&root, "no-such-python").map_err(|error| error.to_string());
        let missing = Err("python3 was not found: install it; the peers in Python cannot be measured without".to_owned());
        assert_eq!(said(), missing, "nothing is installed");
        fs::write(root.join(INSTALLED), "abacus==1\n").unwrap();
        assert_eq!(said(), missing, "something else is installed");
        fs::write(root.join(INSTALLED), "abacus==2\n").unwrap();
        assert_eq!(said(), Ok(()));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_python_without_the_module_is_an_error_that_says_what_to_do() {
        // `cargo -c …` fails, as Python does where a module is missing.
        let said = can_make_one(|| command(env!("CARGO"))).unwrap_err().to_string();
        assert!(said.contains("python3-venv"), "{said}");
    }
}
