//! How this program is called by whoever started it, for words that tell people what to run.

use std::{env, path::Path};

/// What to type to start this program once more: the path that it was started with, such as `target/release/roster`. Of a path from the root
/// only the name is told, since pages show this too, and where programs lie is nobody else's business.
pub fn name() -> String {
    env::args().next().map_or_else(|| DEFAULT.to_owned(), |started| shown(&started))
}

const DEFAULT: &str = "roster";

fn shown(started: &str) -> String {
    let path = Path::new(started);
    let shown = if path.is_absolute() { path.file_name().and_then(|name| name.to_str()) } else { Some(started) };
    shown.filter(|name| !name.is_empty()).unwrap_or(DEFAULT).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_named_by_the_path_that_it_was_started_with() {
        assert_eq!(shown("target/release/roster"), "target/release/roster");
        assert_eq!(shown("./roster"), "./roster");
        assert_eq!(shown("roster"), "roster");
        assert_eq!(shown("/home/ana/roster/target/release/roster"), "roster");
        assert_eq!(shown(""), "roster");
    }
}
