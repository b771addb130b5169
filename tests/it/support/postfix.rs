//! Debian's Postfix in a folder of its own: STARTTLS and login wanted, and one inbox for all readers that any mail program
//! opens (Maildir), but for `gone@`, whom it takes mail for and does not have, and `bounces@`, which has its own. It needs root, which it gives up itself.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Ran;

const DAEMONS: &str = "/usr/lib/postfix/sbin";
/// The realm of its one login.
const REALM: &str = "example.org";

/// The running server; it ends with this value.
pub struct Postfix {
    folder: PathBuf,
    port: u16,
}

impl Postfix {
    /// Starts one with `leaf.pem` and `leaf.key` of the folder, for this one user and password.
    pub fn start(folder: &Path, user: &str, password: &str) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let server = Self { folder: folder.join("postfix"), port: port.expect("a free port").port() };
        for name in ["config/sasl", "queue", "data", "inbox"] {
            fs::create_dir_all(server.path(name)).expect("a folder that can be written");
        }
        server.write("config/main.cf", &server.main(folder));
        server.write("config/master.cf", &server.master());
        server.write("config/domains", "/example\\.org$/ OK\n");
        server.write("config/mailboxes", "/^bounces[+@]/ bounces/\nif !/^gone@/\n/./ all/\nendif\n");
        let sasldb = server.path("config/sasl/db");
        // Debian's Postfix looks for it in this folder, beside its configuration.
        server.write(
            "config/sasl/smtpd.conf",
            &format!(
                "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\nmech_list: PLAIN LOGIN\n",
                sasldb.display()
            ),
        );
        let mut add = Command::new("saslpasswd2");
        let add = add.args(["-p", "-c", "-u", REALM, "-f"]).arg(&sasldb).arg(user);
        let mut add = add.stdin(Stdio::piped()).spawn().expect("saslpasswd2, of Debian's sasl2-bin");
        add.stdin.take().expect("a pipe").write_all(password.as_bytes()).expect("a pipe");
        assert!(add.wait().expect("a child").success(), "saslpasswd2 makes the login");
        run(Command::new("chown").args(["postfix"]).arg(server.path("data")).arg(&sasldb));
        run(Command::new("chown").args(["nobody"]).arg(server.path("inbox")));
        // It gives up root: it must be able to walk down to its own folder.
        for above in folder.ancestors().take_while(|above| *above != Path::new("/tmp")) {
            run(Command::new("chmod").arg("a+x").arg(above));
        }
        server.control("start");
        server
    }

    /// Its address for the settings, with the login.
    pub fn url(&self, user: &str, password: &str, root: &Path) -> String {
        let password: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
        let (user, password) = (format!("{user}%40{REALM}"), password.replace('+', "%20"));
        format!("smtp://{user}:{password}@localhost:{}?tls=starttls&tls_ca={}", self.port, root.display())
    }

    /// What lies in the inbox: reader and mail, sorted.
    pub fn inbox(&self) -> Vec<(String, Vec<u8>)> {
        let Ok(new) = fs::read_dir(self.path("inbox/all/new")) else { return Vec::new() };
        let read = |raw: Vec<u8>| {
            let text = String::from_utf8_lossy(&raw);
            let to = text.lines().find_map(|line| line.strip_prefix("Delivered-To: ")).expect("to whom it was laid in");
            (to.to_owned(), raw)
        };
        let mut mails: Vec<_> = new.map(|mail| read(fs::read(mail.expect("a mail").path()).expect("a mail"))).collect();
        mails.sort();
        mails
    }

    /// Where mail to `bounces@` and `bounces+TOKEN@` lies.
    pub fn bounces(&self) -> PathBuf {
        self.path("inbox/bounces")
    }

    /// Everything that it said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("maillog")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a folder that can be written");
    }

    fn control(&self, verb: &str) {
        let mut postfix = Command::new("/usr/sbin/postfix");
        postfix.arg("-c").arg(self.path("config")).arg(verb);
        // Its daemons keep what they inherit: a pipe would never end.
        let ran = postfix.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(ran.expect("postfix, of Debian's postfix").success(), "postfix {verb}: {}", self.log());
    }

    fn main(&self, certificates: &Path) -> String {
        let (own, certificates) = (self.folder.display(), certificates.display());
        format!(
            "compatibility_level = 3.6
queue_directory = {own}/queue
data_directory = {own}/data
command_directory = /usr/sbin
daemon_directory = {DAEMONS}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {own}/maillog
maillog_file_prefixes = {own}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks =
alias_maps =
alias_database =
smtpd_tls_cert_file = {certificates}/leaf.pem
smtpd_tls_key_file = {certificates}/leaf.key
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {REALM}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
virtual_mailbox_domains = regexp:{own}/config/domains
virtual_mailbox_base = {own}/inbox
virtual_mailbox_maps = regexp:{own}/config/mailboxes
smtpd_reject_unlisted_recipient = no
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
"
        )
    }

    /// Only what takes mail in and lays it into an inbox; nothing that would send it further.
    fn master(&self) -> String {
        let mut services = format!("127.0.0.1:{} inet n - n - - smtpd\n", self.port);
        for (name, kind, process) in [
            ("cleanup", "unix n - n - 0", "cleanup"),
            ("qmgr", "unix n - n 300 1", "qmgr"),
            ("tlsmgr", "unix - - n 1000? 1", "tlsmgr"),
            ("rewrite", "unix - - n - -", "trivial-rewrite"),
            ("bounce", "unix - - n - 0", "bounce"),
            ("defer", "unix - - n - 0", "bounce"),
            ("proxymap", "unix - - n - -", "proxymap"),
            ("error", "unix - - n - -", "error"),
            ("retry", "unix - - n - -", "error"),
            ("virtual", "unix - n n - -", "virtual"),
            ("anvil", "unix - - n - 1", "anvil"),
            ("postlog", "unix-dgram n - n - 1", "postlogd"),
        ] {
            services.push_str(&format!("{name} {kind} {process}\n"));
        }
        services
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let mut postfix = Command::new("/usr/sbin/postfix");
        postfix.arg("-c").arg(self.path("config")).arg("stop");
        postfix.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }
}

fn run(command: &mut Command) {
    Ran::from(command.output().expect("a command of every Debian machine")).exits(0);
}
