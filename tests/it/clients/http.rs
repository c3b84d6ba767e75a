//! What both libraries send their requests through: our reqwest, without TLS and without following redirects.

/// One request of `oauth2` or `openidconnect`, which share their HTTP types.
pub(super) async fn send(request: oauth2::HttpRequest) -> Result<oauth2::HttpResponse, reqwest::Error> {
    // Following a redirect would let a provider point its client at any address.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let answer = client.execute(request.try_into()?).await?;
    let mut response = oauth2::HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.into();
    Ok(response)
}
