//! The secrets file: made at the first start, readable by its owner alone, never printed but to a
//! terminal.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::{fs, io};

use super::NodeError;
use crate::config::Config;
use crate::config::secrets::Secrets;
use crate::ident::Entropy;

/// The file's name in the data folder.
pub const FILE: &str = "secrets.toml";

/// Makes the data folder, 0700, if it is missing.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(data: &Path) -> Result<(), NodeError> {
    let made = match data.exists() {
        true => Ok(()),
        false => fs::DirBuilder::new().recursive(true).mode(0o700).create(data),
    };
    made.map_err(|error| NodeError::File { path: data.to_owned(), error })
}

/// Reads `secrets.toml` of the data folder (made if missing, 0600) and adds what the configuration
/// needs and it does not hold: a password for each new agent and device.
///
/// # Errors
/// A file that cannot be read or written, or is not a secrets file.
pub fn open(data: &Path, config: &Config, entropy: &mut Entropy) -> Result<Secrets, NodeError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| NodeError::File { path, error }
    };
    let path = data.join(FILE);
    let kept = match fs::read_to_string(&path) {
        Ok(text) => Some(parse(&path, &text, entropy)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(&path)(error)),
    };
    let made = kept.is_none();
    let mut secrets = kept.unwrap_or_else(|| Secrets::draw(entropy));
    if secrets.complete(&config.sip.users, entropy) || made {
        write(&path, &secrets.print()).map_err(failed(&path))?;
    }
    Ok(secrets)
}

/// Reads the secrets file of a data folder.
///
/// # Errors
/// No such file (the server was never started there), or not a secrets file.
pub fn read(data: &Path, entropy: &mut Entropy) -> Result<Secrets, NodeError> {
    let path = data.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text, entropy),
        Err(error) => Err(NodeError::File { path, error }),
    }
}

fn parse(path: &Path, text: &str, entropy: &mut Entropy) -> Result<Secrets, NodeError> {
    Secrets::parse(text, entropy)
        .map_err(|error| NodeError::Secrets { path: path.to_owned(), error })
}

/// Whole or not at all: written beside, made durable, renamed over.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("toml.new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let text = include_str!("../../config/ringback.toml");
        let config = Config::parse("ringback.toml", text, &|_, _| true).unwrap();
        let mut entropy = Entropy::from_number(1);
        make_folder(&data).unwrap();
        let made = open(&data, &config, &mut entropy).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
        assert_eq!(open(&data, &config, &mut entropy).unwrap(), made);
        assert_eq!(read(&data, &mut entropy).unwrap(), made);
        assert!(config.sip.users.iter().all(|user| made.users.contains_key(user)));
        fs::write(data.join(FILE), "users = 7").unwrap();
        assert!(matches!(open(&data, &config, &mut entropy), Err(NodeError::Secrets { .. })));
        assert_eq!(fs::read_to_string(data.join(FILE)).unwrap(), "users = 7");
    }
}
