//! `signet setup-link`: another link for the first administrator.

use super::Failure;
use super::console::Console;
use super::open;
use super::open::Selection;

/// # Errors
/// [`Failure`] with the exit code of its kind; 5 once somebody can sign in, because the link makes an administrator.
pub(super) async fn run(selection: &Selection, console: Console) -> Result<(), Failure> {
    let signet = open::existing_on_port(selection).await?;
    if !signet.needs_setup().await? {
        return Err(Failure::refused(
            &"There are users already. `signet users create EMAIL --role admin` adds an administrator",
        ));
    }
    let link = signet.new_setup_link().await?;
    console.print(&link)?;
    console.wrote(&"Whoever opens this link within an hour becomes the administrator. It works once.", &signet.config);
    Ok(())
}
