//! `signet keys export | import`.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use zeroize::Zeroizing;

use crate::domain::key::Algorithm;
use crate::flow::Signet;
use crate::flow::key_files::PublicForm;

use super::Failure;
use super::algorithm;
use super::console::Console;
use super::key_id;

/// Far more than any key.
const LARGEST: u64 = 64 * 1024;

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Name of the key; without it the JWKS as it is published.
    kid: Option<String>,
    /// As PEM rather than as JWK.
    #[arg(long, requires = "kid")]
    pem: bool,
    /// The private key, not encrypted, as PEM. Only to a terminal.
    #[arg(long, requires = "kid")]
    private: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// A private key, as PEM (PKCS#8, PKCS#1, SEC 1) or as a private JWK; `-` reads standard input.
    file: PathBuf,
    /// What it is to sign with.
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    alg: Algorithm,
}

/// # Errors
/// Exit code 4 for an unknown key; 5 when a private key would not go to a terminal, or is gone.
pub(super) async fn export(signet: &Signet, args: &Export, console: Console) -> Result<(), Failure> {
    let Some(kid) = &args.kid else {
        let ring = signet.ring.load();
        return console.print(&String::from_utf8_lossy(&ring.jwks().body));
    };
    let kid = key_id(kid)?;
    if !args.private {
        let form = if args.pem { PublicForm::Pem } else { PublicForm::Jwk };
        let text = signet.export_public(&kid, form).await?;
        return console.print(&text.trim_end());
    }
    if !console.shows_to_a_person() {
        return Err(Failure::refused(
            &"A private key goes to a terminal only, where somebody sees it: not to a pipe or a file",
        ));
    }
    let text = signet.export_private(&kid).await?;
    console.say(&format!("Who has this key can sign tokens of {}.", signet.config.server.issuer));
    console.print(&text.trim_end())
}

/// # Errors
/// Exit code 1 for a text that is not a good key of the algorithm; 5 for a key that is here already and for an
/// algorithm that is not configured.
pub(super) async fn import(signet: &Arc<Signet>, args: &Import, console: Console) -> Result<(), Failure> {
    let imported = signet.import_key(read(&args.file)?, args.alg).await?;
    console.print(&imported.kid)?;
    if let Some(replaced) = &imported.replaced {
        console.say(&format!("It takes the place of {replaced}, which had never signed and is revoked."));
    }
    console.wrote(
        &format!("Imported {} as the next key; `keys list` says from when on it signs.", imported.kid),
        &signet.config,
    );
    Ok(())
}

fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |fault: io::Error| Failure::failed(&format!("cannot read {}: {fault}", file.display()));
    // Enough from the start: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(LARGEST).unwrap_or_default() + 1));
    let limit = LARGEST + 1;
    let length = if file.as_os_str() == "-" {
        io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    if u64::try_from(length.map_err(failed)?).unwrap_or(u64::MAX) > LARGEST {
        return Err(Failure::failed(&format!("{} is too large to be a key", file.display())));
    }
    Ok(text)
}
