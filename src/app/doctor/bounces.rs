//! The mailbox of mail that came back: is it there, and may it be read and written?

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

use super::check::{Check, Part};
use crate::config::Settings;
use crate::mail::mailbox::{Mailbox, maildir};

const BOUNCES: &str = "mail.bounces";

/// Looks at it. Nothing where no mail comes back to an address of its own.
pub(super) fn check(settings: &Settings) -> Option<Check> {
    let path = settings.mail.return_path.as_ref()?;
    let Some(mailbox) = &settings.mail.bounces else {
        let what = format!("mails come back to {}, which nothing is read from here", path.plain());
        return Some(Check::ok(Part::Mail, BOUNCES, format!("{what}: `keysweep mail bounce` takes what it is given")));
    };
    let place = mailbox.display();
    Some(match look(mailbox) {
        Ok(Some(found)) => Check::ok(Part::Mail, BOUNCES, format!("{place} is {found}")),
        Ok(None) => Check::warning(
            Part::Mail,
            BOUNCES,
            format!("{place} is not there"),
            format!("right where nothing has come back yet; try it: send a mail to {}", path.plain()),
        ),
        Err(error) => Check::error(
            Part::Mail,
            BOUNCES,
            format!("{place}: {error}"),
            "let keysweep read it, and write to it where it is a folder (docs/bounces.md)",
        ),
    })
}

fn look(path: &Path) -> io::Result<Option<String>> {
    Ok(match Mailbox::at(path)? {
        None => None,
        Some(Mailbox::Mbox(file)) => {
            File::open(file)?;
            Some("a file that can be read".to_owned())
        }
        Some(Mailbox::Maildir(folder)) => {
            let waiting = maildir::waiting(&folder)?.len();
            for part in ["new", "cur"] {
                access(folder.join(part), Access::WRITE_OK | Access::EXEC_OK)?;
            }
            Some(format!("a folder that can be read and written; {waiting} of its messages wait"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_told_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("box");
        assert_eq!(look(&path).unwrap(), None);
        std::fs::create_dir(&path).unwrap();
        assert!(look(&path).unwrap_err().to_string().contains("neither a file nor a folder"));
        for part in ["new", "cur"] {
            std::fs::create_dir(path.join(part)).unwrap();
        }
        std::fs::write(path.join("new/1"), "").unwrap();
        assert!(look(&path).unwrap().unwrap().contains("1 of its messages"));
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(look(&folder.path().join("file")).unwrap().unwrap().contains("a file"));
    }
}
