//! Properties that must hold for every input, tried on many that nobody thought of.

#[cfg(test)]
mod access_token;
#[cfg(test)]
mod client_assertion;
#[cfg(test)]
mod jws;
#[cfg(test)]
mod logout;
#[cfg(test)]
mod narrowing;
#[cfg(test)]
mod params;
#[cfg(test)]
mod pkce;
#[cfg(test)]
mod prompt;
#[cfg(test)]
mod redirect;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod request_object;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod support;
#[cfg(test)]
mod theft;
