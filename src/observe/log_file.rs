//! A file that lines are appended to, and that may be taken away by logrotate at any time: before
//! it writes it looks whether the file at its path is still the one it has open, so that neither a
//! rotation nor the signal after it loses a line.
//!
//! It must not stop anything: what cannot be written is counted, and told once in the log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use tracing::warn;

/// The file. Blocking: the node gives it a thread of its own.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// Lines lost since the last one that was written.
    lost: u64,
}

impl LogFile {
    /// Not opened before the first line.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, lost: 0 }
    }

    /// Appends lines, one a write; each gets its end here.
    pub fn write(&mut self, lines: &[String]) {
        for line in lines {
            match self.append(line) {
                Ok(()) if self.lost > 0 => {
                    let lost = std::mem::take(&mut self.lost);
                    warn!(path = %self.path.display(), lost, "written again; lines are missing");
                }
                Ok(()) => {}
                Err(error) => {
                    if self.lost == 0 {
                        warn!(path = %self.path.display(), %error, "a line could not be written");
                    }
                    self.file = None;
                    self.lose(1);
                }
            }
        }
    }

    /// Lines that never came here are missing too.
    pub fn lose(&mut self, lines: u64) {
        self.lost = self.lost.saturating_add(lines);
    }

    /// Lines lost since the last one that was written.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) if self.is_there(&file) => file,
            Some(_) | None => {
                OpenOptions::new().append(true).create(true).mode(0o640).open(&self.path)?
            }
        };
        file.write_all(format!("{line}\n").as_bytes())?;
        self.file = Some(file);
        Ok(())
    }

    fn is_there(&self, open: &File) -> bool {
        let identity = |data: std::fs::Metadata| (data.dev(), data.ino());
        let there = std::fs::metadata(&self.path).map(identity);
        matches!((there, open.metadata().map(identity)), (Ok(there), Ok(open)) if there == open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_rotated_file_is_left_and_a_new_one_begun() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue_log");
        let mut file = LogFile::new(path.clone());
        file.write(&lines(&["a", "b"]));
        std::fs::rename(&path, folder.path().join("queue_log.1")).unwrap();
        file.write(&lines(&["c"]));
        drop(file);
        LogFile::new(path.clone()).write(&lines(&["d"]));
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!((read("queue_log.1"), read("queue_log")), ("a\nb\n".into(), "c\nd\n".into()));
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    }

    #[test]
    fn what_cannot_be_written_is_counted_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("later");
        let mut file = LogFile::new(missing.join("queue_log"));
        file.write(&lines(&["a", "b"]));
        file.lose(3);
        assert_eq!(file.lost(), 5);
        std::fs::create_dir(&missing).unwrap();
        file.write(&lines(&["c"]));
        assert_eq!(file.lost(), 0);
        assert_eq!(std::fs::read_to_string(missing.join("queue_log")).unwrap(), "c\n");
    }
}
