//! The keys of `[records]`: what is kept of calls beside the database.

use std::path::PathBuf;

use super::document::Section;

/// What is kept of calls beside the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordsConfig {
    /// Where lines for reporting tools are written, relative to the data folder; `None`: nowhere.
    pub queue_log: Option<PathBuf>,
    /// Are numbers written whole there?
    pub numbers: bool,
}

/// Reads the section.
pub(super) fn records(section: &mut Section<'_>) -> RecordsConfig {
    let path = section.text_if("queue_log").unwrap_or_else(|| "queue_log".into());
    RecordsConfig {
        queue_log: Some(path).filter(|path| !path.is_empty()).map(PathBuf::from),
        numbers: section.flag("numbers", false),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    #[test]
    fn the_queue_log_is_in_the_data_folder_without_numbers_unless_said_otherwise() {
        let table = [
            ("", Some("queue_log"), false),
            ("[records]\nqueue_log = \"\"\n", None, false),
            ("[records]\nqueue_log = \"/var/log/q\"\nnumbers = true\n", Some("/var/log/q"), true),
        ];
        for (text, path, numbers) in table {
            let config = Config::parse("FILE", text, &|_, _| true).unwrap();
            assert_eq!(config.records.queue_log.as_deref(), path.map(Path::new), "{text}");
            assert_eq!(config.records.numbers, numbers, "{text}");
        }
    }
}
