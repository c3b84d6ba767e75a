//! Three servers on one PostgreSQL database, each in a folder of its own, behind one address.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use crate::support::browser::ADA;
use crate::support::client_key::ClientKey;
use crate::support::client_key::jwks;
use crate::support::installation::Said;
use crate::support::installation::run;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::postgres::Cluster;
use crate::support::server::Server;
use crate::support::server::command;
use crate::support::server::command_of;
use crate::support::server::free_port;

/// What a proxy needs to notice that a node is back: `fail_timeout` of nginx, two checks of `HAProxy`.
const NOTICED: Duration = Duration::from_secs(3);

pub(crate) struct Fleet {
    /// Where the proxy is to listen, and everybody to ask.
    pub(crate) port: u16,
    pub(crate) base: Url,
    pub(crate) nodes: Vec<Node>,
    /// Of all the signing keys.
    master_key: PathBuf,
    folder: TempDir,
}

pub(crate) struct Node {
    pub(crate) port: u16,
    folder: PathBuf,
    /// Another build than this one.
    program: Option<PathBuf>,
    /// Of its process.
    environment: Vec<(&'static str, String)>,
    server: Option<Server>,
}

impl Fleet {
    pub(crate) async fn start(cluster: &Cluster, count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let base = Url::parse(&format!("http://localhost:{port}")).unwrap();
        let master_key = folder.path().join("master.key");
        let mut fleet = Self { port, base, nodes: Vec::new(), master_key, folder };
        let database = cluster.database();
        for number in 0..count {
            let node = fleet.furnish(number, free_port(), &database, "drain = \"5s\"");
            fleet.nodes.push(node);
        }
        fleet.begin().await;
        fleet
    }

    /// Two nodes of one build, without a proxy: the first one's address is the issuer. `None` is this build.
    pub(crate) async fn of_build(cluster: &Cluster, program: Option<&Path>) -> Self {
        let mut fleet = Self::of_two(cluster);
        for node in &mut fleet.nodes {
            node.program = program.map(Path::to_owned);
        }
        fleet.begin().await;
        fleet
    }

    /// The same with something in the environment of each.
    pub(crate) async fn of_places(cluster: &Cluster, environments: [Vec<(&'static str, String)>; 2]) -> Self {
        let mut fleet = Self::of_two(cluster);
        for (node, environment) in fleet.nodes.iter_mut().zip(environments) {
            node.environment = environment;
        }
        fleet.begin().await;
        fleet
    }

    fn of_two(cluster: &Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let base = Url::parse(&format!("http://localhost:{port}")).unwrap();
        let master_key = folder.path().join("master.key");
        let mut fleet = Self { port, base, nodes: Vec::new(), master_key, folder };
        let database = cluster.database();
        for (number, port) in [port, free_port()].into_iter().enumerate() {
            // An older build knows no key that is newer.
            let node = fleet.furnish(number, port, &database, "");
            fleet.nodes.push(node);
        }
        fleet
    }

    async fn begin(&mut self) {
        // The first one makes the keys.
        for node in &mut self.nodes {
            node.start().await;
        }
        self.cli_with(&["users", "create", ADA.0, "--password-stdin"], ADA.1).ends_with(0);
    }

    fn furnish(&self, number: usize, port: u16, database: &str, more: &str) -> Node {
        let folder = self.folder.path().join(format!("node{number}"));
        std::fs::create_dir(&folder).unwrap();
        let text = format!(
            "[server]\nissuer = \"{issuer}\"\nlisten = [\"127.0.0.1:{port}\"]\nadmin_listen = \"127.0.0.1:{admin}\"\n\
             trusted_proxies = [\"127.0.0.1\"]\nworkers = 2\n{more}\n\
             [database]\nurl = \"{database}\"\n[secrets]\nmaster_key_file = \"{key}\"\n\
             [passwords]\nmemory = \"8 MiB\"\niterations = 1\n",
            issuer = self.base.as_str().trim_end_matches('/'),
            admin = port + 1,
            key = self.master_key.display(),
        );
        std::fs::write(folder.join("signet.toml"), text).unwrap();
        Node { port, folder, program: None, environment: Vec::new(), server: None }
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// A command of an administrator.
    pub(crate) fn cli(&self, args: &[&str]) -> Said {
        self.cli_with(args, "")
    }

    fn cli_with(&self, args: &[&str], input: &str) -> Said {
        run(command(self.first()), args, input)
    }

    fn first(&self) -> &Path {
        &self.nodes[0].folder
    }

    /// An application where people sign in.
    pub(crate) fn app(&self, id: &str) -> Party {
        self.party(&["clients", "create", id, "--native", "--redirect", REDIRECT_URI, "-o", "env"], id)
    }

    /// An application without people.
    pub(crate) fn robot(&self) -> Party {
        let args = ["clients", "create", "Robot", "--service", "--audience", "https://api.test", "-o", "env"];
        self.party(&args, "robot")
    }

    /// A service that proves with a key who it is.
    pub(crate) fn signer(&self, key: &ClientKey) -> Party {
        let file = self.folder.path().join("signer.jwks");
        std::fs::write(&file, jwks(&[key.public()])).unwrap();
        let file = file.display().to_string();
        let args = ["clients", "create", "Signer", "--service", "--audience", "https://api.test", "-o", "env"];
        self.party(&[&args[..], &["--jwks", &file]].concat(), "signer")
    }

    /// The same application, asking one of the nodes.
    pub(crate) fn party_at(&self, number: usize, party: &Party) -> Party {
        let mut party = party.clone();
        party.base = self.nodes[number].url();
        party
    }

    fn party(&self, args: &[&str], id: &str) -> Party {
        let made = self.cli(args).ends_with(0);
        let secret = made.out.lines().find_map(|line| line.strip_prefix("CLIENT_SECRET=")).map(str::to_owned);
        Party::of(&self.base, id, secret.as_deref())
    }

    /// Restarts one after the other, as an operator or an orchestrator does.
    pub(crate) async fn roll(&mut self) {
        for node in &mut self.nodes {
            let server = node.server.take().expect("a running node");
            assert!(server.log().contains("/token"), "a node that did nothing");
            assert_eq!(server.stop().await, Some(0));
            node.start().await;
            tokio::time::sleep(NOTICED).await;
        }
    }
}

impl Node {
    pub(crate) async fn start(&mut self) {
        self.server = Some(Server::with(self.command(), &self.folder, self.port).await);
    }

    /// Puts another build into its place.
    pub(crate) async fn exchange(&mut self, program: Option<&Path>) {
        assert_eq!(self.server.take().expect("a running node").stop().await, Some(0));
        self.program = program.map(Path::to_owned);
        self.start().await;
    }

    fn command(&self) -> Command {
        let mut command = match &self.program {
            Some(program) => command_of(program, &self.folder),
            None => command(&self.folder),
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A command of an administrator who sits at this node.
    pub(crate) fn cli(&self, args: &[&str]) -> Said {
        run(self.command(), args, "")
    }

    /// Until it has said so in its log.
    pub(crate) async fn says(&self, words: &str) {
        self.server.as_ref().expect("a running node").wait_for_log(words).await;
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://localhost:{}", self.port)).unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        assert!(self.server.take().expect("a running node").kill());
    }
}
