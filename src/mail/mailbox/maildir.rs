//! A folder with a file for every message: what was not handled lies in `new`, what was lies in `cur`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::{LONGEST, Piece};

/// Messages that are taken up in one go: so many names are held at once.
const AT_ONCE: usize = 10_000;

/// The names of messages that were not handled yet, oldest first as far as names tell: at most 10,000 of them.
///
/// # Errors
/// Where the folder can't be read.
pub fn waiting(folder: &Path) -> io::Result<Vec<OsString>> {
    let names = fs::read_dir(folder.join("new"))?.take(AT_ONCE).map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    // What begins with a dot is no message.
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    names.sort_unstable();
    Ok(names)
}

/// One of them; `None` where somebody else took it.
///
/// # Errors
/// Where it can't be read as things are: it is a message all the same.
pub fn read(folder: &Path, name: &OsString) -> io::Result<Option<Piece>> {
    let path = folder.join("new").join(name);
    let message = || -> io::Result<Piece> {
        // Only a plain file: a pipe would never end.
        if !fs::symlink_metadata(&path)?.is_file() {
            return Ok(Piece::Unreadable);
        }
        let mut message = Vec::new();
        File::open(&path)?.take(LONGEST as u64 + 1).read_to_end(&mut message)?;
        Ok(if message.len() > LONGEST { Piece::Unreadable } else { Piece::Message(message) })
    };
    match message() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Moves one of them to where those lie that were seen.
///
/// # Errors
/// Where it can't be moved.
pub fn handled(folder: &Path, name: &OsString) -> io::Result<()> {
    let mut seen = name.clone();
    seen.push(":2,S");
    fs::rename(folder.join("new").join(name), folder.join("cur").join(seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maildir() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new", "cur", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn what_was_handled_is_seen_and_waits_no_more() {
        let folder = maildir();
        for (name, text) in [("2.b", "second"), ("1.a", "first"), (".hidden", "no message")] {
            fs::write(folder.path().join("new").join(name), text).unwrap();
        }
        let names = waiting(folder.path()).unwrap();
        assert_eq!(names, ["1.a", "2.b"]);
        assert_eq!(read(folder.path(), &names[0]).unwrap(), Some(Piece::Message(b"first".to_vec())));
        handled(folder.path(), &names[0]).unwrap();
        assert_eq!(waiting(folder.path()).unwrap(), ["2.b"]);
        assert_eq!(fs::read(folder.path().join("cur/1.a:2,S")).unwrap(), b"first");
    }

    #[test]
    fn what_is_too_long_or_no_file_is_unreadable() {
        let folder = maildir();
        fs::write(folder.path().join("new/long"), vec![b'x'; LONGEST + 1]).unwrap();
        fs::write(folder.path().join("new/fits"), vec![b'x'; LONGEST]).unwrap();
        fs::create_dir(folder.path().join("new/folder")).unwrap();
        std::os::unix::fs::symlink("fits", folder.path().join("new/link")).unwrap();
        for name in ["long", "folder", "link"] {
            assert_eq!(read(folder.path(), &name.into()).unwrap(), Some(Piece::Unreadable), "{name}");
        }
        assert!(matches!(read(folder.path(), &"fits".into()), Ok(Some(Piece::Message(_)))));
    }

    #[test]
    fn what_cannot_be_read_as_things_are_is_an_error_and_what_somebody_took_is_nothing() {
        let folder = maildir();
        fs::write(folder.path().join("new/first"), "a message").unwrap();
        assert_eq!(read(folder.path(), &"second".into()).unwrap(), None);
        let no_folder = folder.path().join("new/first");
        assert_eq!(read(&no_folder, &"first".into()).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}
