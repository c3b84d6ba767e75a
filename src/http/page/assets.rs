//! Style sheets, scripts and pictures, each under a name that changes with its content.

use std::collections::BTreeMap;
use std::path::Path;

use actix_web::web::Bytes;

use super::PageError;
use super::Templates;

/// Larger files in an override folder are refused.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// A file for the browser.
#[derive(Debug, Clone)]
pub struct Asset {
    pub body: Bytes,
    pub content_type: &'static str,
    /// Value of `Cache-Control`.
    pub cache_control: &'static str,
}

/// The files of `templates/assets` and of the folder `assets` in the override folder.
#[derive(Debug)]
pub(super) struct Assets {
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    body: Bytes,
    content_type: &'static str,
    /// `signet.0a1b2c3d.css` for `signet.css`.
    hashed_name: String,
}

impl Assets {
    pub(super) fn load(templates_override: Option<&Path>) -> Result<Self, PageError> {
        let mut files = BTreeMap::new();
        for path in Templates::iter() {
            let (Some(name), Some(file)) = (path.strip_prefix("assets/"), Templates::get(&path)) else { continue };
            add(&mut files, name, file.data.into_owned())?;
        }
        if let Some(folder) = templates_override.map(|folder| folder.join("assets")).filter(|folder| folder.is_dir()) {
            for (name, bytes) in read_folder(&folder)? {
                add(&mut files, &name, bytes)?;
            }
        }
        Ok(Self { files })
    }

    /// Path of the file called `name` in the folder, for use in pages.
    pub(super) fn url(&self, name: &str) -> Option<String> {
        self.files.get(name).map(|file| format!("/assets/{}", file.hashed_name))
    }

    /// A style sheet of the operator, loaded after ours.
    pub(super) fn theme_css(&self) -> Option<String> {
        self.url("theme.css")
    }

    pub(super) fn find(&self, path: &str) -> Option<Asset> {
        let parts: Vec<&str> = path.split('.').collect();
        let &[stem, _, extension] = parts.as_slice() else { return None };
        let file = self.files.get(&format!("{stem}.{extension}"))?;
        // While versions change, a page of one node may load its style from another: better today's file than none,
        // but then it must not be kept under that name.
        let cache_control = if file.hashed_name == path { "public, max-age=31536000, immutable" } else { "no-cache" };
        Some(Asset { body: file.body.clone(), content_type: file.content_type, cache_control })
    }
}

/// The regular files directly in `folder`, sorted by name.
pub(super) fn read_folder(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, PageError> {
    let failed = |file: &Path, source| PageError::Read { file: file.display().to_string(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|source| failed(folder, source))? {
        let path = entry.map_err(|source| failed(folder, source))?.path();
        let metadata = std::fs::metadata(&path).map_err(|source| failed(&path, source))?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !metadata.is_file() || name.starts_with('.') {
            continue;
        }
        if metadata.len() > MAX_BYTES {
            return Err(PageError::TooLarge { file: path.display().to_string() });
        }
        files.push((name, std::fs::read(&path).map_err(|source| failed(&path, source))?));
    }
    files.sort();
    Ok(files)
}

fn add(files: &mut BTreeMap<String, File>, name: &str, body: Vec<u8>) -> Result<(), PageError> {
    let unknown = || PageError::Unknown { file: format!("assets/{name}") };
    let (stem, extension) = name.split_once('.').ok_or_else(unknown)?;
    let content_type = content_type(extension).ok_or_else(unknown)?;
    let hashed_name = format!("{stem}.{:08x}.{extension}", fingerprint(&body));
    files.insert(name.to_owned(), File { body: body.into(), content_type, hashed_name });
    Ok(())
}

/// The type goes by the name alone; with `nosniff` the browser believes nothing else. An `.svg` is only ever an
/// `<img>` here, where it cannot run scripts.
fn content_type(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        _ => return None,
    })
}

/// Tells versions of a file apart; FNV-1a, because it needs no secrecy and is the same on every node.
fn fingerprint(bytes: &[u8]) -> u32 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let folded = hash ^ (hash >> 32);
    u32::try_from(folded & u64::from(u32::MAX)).unwrap_or_default()
}
