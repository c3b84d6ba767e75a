//! Whether an answer may be given, by what was answered before.

use serde_json::Value;
use signet::crypto::Verifier;
use signet::domain::ids::FamilyId;
use signet::domain::key::KeyState;
use signet::domain::scope::Scope;
use signet::store::simulation::Base;

use super::ops::Answer;
use super::oracle::CODE;
use super::oracle::Code;
use super::oracle::Cookie;
use super::oracle::Grant;
use super::oracle::OLD_VIEW;
use super::oracle::ONE_SECOND;
use super::oracle::Refresh;
use super::oracle::Token;
use super::site;
use super::site::NAMES;
use super::world::Asked;
use super::world::Request;
use super::world::World;

impl World<'_> {
    /// Somebody begins to do something: what may end by it from now on.
    pub(crate) fn expect(&mut self, what: &Request) {
        let oracle = &mut self.oracle;
        if let Some(user) = disturbs(what) {
            oracle.people[user].shaky += 1;
        }
        if let Request::SignIn { old, .. } = *what {
            oracle.cookies[old].leaving += 1;
        }
        match *what {
            Request::SignIn { user, .. }
            | Request::Logout { user, .. }
            | Request::SignOutEverywhere { user }
            | Request::SetPassword { user }
            | Request::DisableUser { user, .. } => oracle.touch(|owner, _, _| owner == user),
            Request::RemoveAccess { user, app } => oracle.touch(|owner, at, _| owner == user && at == app),
            Request::Redeem { code, right } => {
                let code = &mut oracle.codes[code];
                code.attempts += 1;
                if code.attempts > 1 || !right {
                    code.touched = true;
                    if let Some(grant) = code.grant {
                        oracle.grants[grant].touched = true;
                    }
                }
            }
            Request::Refresh { token, held } => {
                let grant = &mut oracle.grants[oracle.refreshes[token].grant];
                // Two at once may overtake each other, and then look like theft.
                grant.touched |= !held || grant.busy > 0;
                grant.busy += 1;
            }
            Request::Revoke { grant, foreign: false } => oracle.grants[grant].touched = true,
            Request::RevokeAccess { token } => oracle.tokens[token].touched = true,
            Request::DisableApp { app, .. } => oracle.apps[app].touched = true,
            Request::RevokeKey => {
                oracle.revoking_keys += 1;
                oracle.tokens.iter_mut().for_each(|token| token.touched = true);
            }
            _ => {}
        }
        match *what {
            Request::DisableUser { user, disabled: false } => {
                oracle.people[user].disabled = None;
                oracle.people[user].enabling += 1;
            }
            Request::DisableApp { app, disabled: false } => {
                oracle.apps[app].disabled = None;
                oracle.apps[app].enabling += 1;
            }
            _ => {}
        }
    }

    /// # Errors
    /// What must never happen.
    pub(crate) fn judge(&mut self, asked: &Asked, answer: Answer) -> Result<(), String> {
        if let Some(user) = disturbs(&asked.what) {
            let person = &mut self.oracle.people[user];
            person.shaky -= 1;
            person.settled = self.now.number;
        }
        match (&asked.what, &answer) {
            (_, Answer::Broken(what)) => return Err(format!("{:?} fails: {what}", asked.what)),
            (what, Answer::Unavailable) if !asked.may_fail && matches!(self.base(), Base::Memory(_)) => {
                return Err(format!("{what:?} is not answered, though nothing is wrong with the database"));
            }
            _ => {}
        }
        match asked.what {
            Request::SignIn { user, ref cookie, old } => self.signed_in(asked, user, cookie, old, answer),
            Request::Authorize { user, app, cookie, ref verifier } => {
                self.authorized(asked, user, app, cookie, verifier, answer)
            }
            Request::Elsewhere { .. } => match answer {
                Answer::Code { redirect_uri, .. } => Err(format!("I6: a code goes to {redirect_uri}")),
                _ => Ok(()),
            },
            Request::Redeem { code, right } => self.redeemed(asked, code, right, answer),
            Request::Refresh { token, held } => self.refreshed(asked, token, held, answer),
            Request::Introspect { token, foreign } => self.introspected(asked, token, foreign, answer),
            Request::UserInfo { token } => {
                let of_person = self.oracle.tokens[token].scope.contains("openid");
                match answer {
                    Answer::Claims(_) => self.believed(asked, token),
                    Answer::Refused(_) if of_person => self.refused(token),
                    _ => Ok(()),
                }
            }
            Request::Exchange { token } => self.exchanged(asked, token, answer),
            Request::Service => match answer {
                Answer::Tokens(tokens) => self.new_token(&tokens, None, None, asked).map(|_| ()),
                Answer::Unavailable => Ok(()),
                other => Err(format!("a service gets no token: {other:?}")),
            },
            Request::ReadKeys => match answer {
                Answer::Keys(keys) => self.read_keys(&keys),
                _ => Ok(()),
            },
            Request::Rotate | Request::Tend | Request::RevokeKey => self.keys_changed(asked, &answer),
            _ => {
                self.ended(asked, &answer);
                Ok(())
            }
        }
    }

    fn ended(&mut self, asked: &Asked, answer: &Answer) {
        let (end, since) = (asked.end(self.now), asked.began);
        let done = matches!(answer, Answer::Done(true));
        let oracle = &mut self.oracle;
        match asked.what {
            Request::Revoke { grant, foreign: false } if done => {
                oracle.grants[grant].ended.get_or_insert(end);
            }
            Request::RevokeAccess { token } if done => {
                oracle.tokens[token].ended.get_or_insert(end);
            }
            Request::Logout { cookie, .. } if done => {
                // The cookie of a session that has gone on under another one, or may have, names nobody: then nobody
                // is signed in here, which is what was answered, and nothing needs to have ended.
                let Cookie { session, ended: None, leaving: 0, .. } = &oracle.cookies[cookie] else { return };
                let (session, begun) = (session.clone(), oracle.cookies[cookie].begun);
                if oracle.cookies.iter().any(|other| other.session == session && other.begun > begun) {
                    return;
                }
                oracle.end(since, end, true, |_, _, of| of == session);
                oracle.end_cookies(since, end, |cookie| cookie.session == session);
            }
            Request::SignOutEverywhere { user } | Request::SetPassword { user } if done => {
                oracle.end(since, end, false, |owner, _, _| owner == user);
                oracle.end_cookies(since, end, |cookie| cookie.user == user);
            }
            Request::DisableUser { user, disabled: true } if done => {
                oracle.end(since, end, false, |owner, _, _| owner == user);
                oracle.end_cookies(since, end, |cookie| cookie.user == user);
                if oracle.people[user].enabling == 0 {
                    oracle.people[user].disabled = Some(end);
                }
            }
            Request::RemoveAccess { user, app } if done => {
                oracle.end(since, end, false, |owner, at, _| owner == user && at == app);
            }
            Request::DisableUser { user, disabled: false } => oracle.people[user].enabling -= 1,
            Request::DisableApp { app, disabled: true } if done && oracle.apps[app].enabling == 0 => {
                oracle.apps[app].disabled = Some(end);
            }
            Request::DisableApp { app, disabled: false } => oracle.apps[app].enabling -= 1,
            _ => {}
        }
    }

    fn signed_in(&mut self, asked: &Asked, user: usize, value: &str, old: usize, answer: Answer) -> Result<(), String> {
        if matches!(answer, Answer::Refused(_)) {
            self.oracle.cookies[old].leaving -= 1;
        }
        let Answer::Session(session) = answer else { return Ok(()) };
        if self.oracle.people[user].disabled.is_some_and(|end| end.told.number < asked.began.number) {
            return Err(format!("I5: user {user} is disabled and signs in"));
        }
        let end = asked.end(self.now);
        // The same person's session goes on, under a new cookie: the old one opens nothing any more.
        let value = value.to_owned();
        self.oracle.cookies[old].ended.get_or_insert(end);
        self.oracle.cookies.push(Cookie { user, value, session, begun: self.now.number, ended: None, leaving: 0 });
        if !asked.lost {
            self.oracle.people[user].cookie = self.oracle.cookies.len() - 1;
        }
        Ok(())
    }

    fn authorized(
        &mut self,
        asked: &Asked,
        user: usize,
        app: usize,
        cookie: usize,
        verifier: &str,
        answer: Answer,
    ) -> Result<(), String> {
        let Answer::Code { code, redirect_uri } = answer else { return Ok(()) };
        if redirect_uri != site::redirect_uri(app) {
            return Err(format!("I6: a code for {} goes to {redirect_uri}", NAMES[app]));
        }
        let before = |number: u64| number < asked.began.number;
        let shown = &self.oracle.cookies[cookie];
        if shown.ended.is_some_and(|end| before(end.told.number)) {
            return Err(format!("I10: a code for a cookie of user {user} that has ended"));
        }
        if self.oracle.people[user].disabled.is_some_and(|end| before(end.told.number)) {
            return Err(format!("I5: a code for user {user}, who is disabled"));
        }
        self.app_stands(asked, app)?;
        let person = &self.oracle.people[user];
        let touched = person.shaky > 0 || !before(person.settled) || shown.ended.is_some();
        self.oracle.codes.push(Code {
            value: code,
            verifier: verifier.to_owned(),
            user,
            app,
            session: shown.session.clone(),
            issued: self.now,
            attempts: 0,
            success: None,
            grant: None,
            ended: None,
            touched,
        });
        Ok(())
    }

    /// A node that has looked at the database since an application was disabled knows it.
    fn app_stands(&self, asked: &Asked, app: usize) -> Result<(), String> {
        match self.oracle.apps[app].disabled {
            Some(end) if end.told.number < asked.noticed => {
                Err(format!("I5: {} is disabled, node {} knows it, and it is served", NAMES[app], asked.node))
            }
            _ => Ok(()),
        }
    }

    fn redeemed(&mut self, asked: &Asked, at: usize, right: bool, answer: Answer) -> Result<(), String> {
        let (now, jumped) = (self.now, self.oracle.jumped);
        let code = &self.oracle.codes[at];
        let (user, app) = (code.user, code.app);
        match answer {
            Answer::Tokens(tokens) => {
                if !right {
                    return Err("a code is redeemed with a wrong verifier".to_owned());
                }
                if code.success.is_some() {
                    return Err(format!("I1: the code of user {user} for {} is redeemed twice", NAMES[app]));
                }
                if let Some((end, _)) = code.ended.filter(|(end, _)| end.told.number < asked.began.number) {
                    return Err(format!("I3: a code is redeemed that ended at {end:?}"));
                }
                if !jumped && asked.began.at > code.issued.at + CODE {
                    return Err("a code is redeemed that has expired".to_owned());
                }
                if self.oracle.people[user].disabled.is_some_and(|end| end.told.number < asked.began.number) {
                    return Err(format!("I5: a code of user {user} is redeemed, who is disabled"));
                }
                self.app_stands(asked, app)?;
                self.new_grant(asked, at, &tokens)
            }
            Answer::Refused(error) => {
                let replayed = code.success.is_some_and(|number| number < asked.began.number);
                if let Some(grant) = code.grant.filter(|_| replayed && right && error == "invalid_grant") {
                    // Unless the code has been swept away in the meantime.
                    if !jumped && now.at <= code.issued.at + CODE {
                        return self.must_have_ended(asked, grant, "its code was used twice");
                    }
                }
                let sound = !code.touched && code.attempts == 1 && !self.oracle.apps[app].touched && !jumped;
                if sound && self.oracle.people[user].shaky == 0 && now.at < code.issued.at + CODE - ONE_SECOND {
                    return Err(format!("a good code of user {user} for {} is refused: {error}", NAMES[app]));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn new_grant(&mut self, asked: &Asked, at: usize, tokens: &Value) -> Result<(), String> {
        let number = self.now.number;
        let text = |name: &str| tokens.get(name).and_then(Value::as_str).unwrap_or_default();
        let value = text("refresh_token");
        let mut parts = value.trim_start_matches("sgr_").split('.');
        let id = parts.next().unwrap_or_default().to_owned();
        let scope = Scope::parse(text("scope")).unwrap_or_default();
        let code = &mut self.oracle.codes[at];
        code.success = Some(number);
        code.grant = Some(self.oracle.grants.len());
        let spared = |spares: bool| spares && scope.contains("offline_access");
        let ended = code.ended.filter(|(_, spares)| !spared(*spares)).map(|(end, _)| end);
        let (user, app) = (code.user, code.app);
        let most = Scope::parse("openid email offline_access api:read").unwrap();
        if !scope.is_subset(&most) {
            return Err(format!("I4: {} was granted {scope}", NAMES[app]));
        }
        let touched = code.touched || self.oracle.people[user].shaky > 0;
        let grant = self.oracle.grants.len();
        self.oracle.grants.push(Grant { id, user, app, scope, ended, touched, held: None, busy: 0 });
        self.new_token(tokens, Some(grant), Some(app), asked)?;
        self.oracle.refreshes.push(Refresh { value: value.to_owned(), grant, generation: 1, next: None, used: None });
        // An answer that was lost here takes the grant with it.
        if !asked.lost {
            self.oracle.grants[grant].held = Some(self.oracle.refreshes.len() - 1);
        }
        self.must_be_there(grant, 1)
    }

    fn refreshed(&mut self, asked: &Asked, at: usize, held: bool, answer: Answer) -> Result<(), String> {
        let now = self.now;
        let shown = &self.oracle.refreshes[at];
        let (grant, generation) = (shown.grant, shown.generation);
        self.oracle.grants[grant].busy -= 1;
        let owner = &self.oracle.grants[grant];
        let app = owner.app;
        let rotates = NAMES[app] != "bank";
        let successor = |token: &&Refresh| token.grant == grant && token.generation == generation + 1;
        let follower = self.oracle.refreshes.iter().find(successor);
        let overtaken = follower.and_then(|next| next.used).is_some_and(|used| used < asked.began.number);
        match answer {
            Answer::Tokens(tokens) => {
                if let Some(end) = owner.ended.filter(|end| end.told.number < asked.began.number) {
                    return Err(format!("I3: a grant that ended at {end:?} is refreshed"));
                }
                if self.oracle.people[owner.user].disabled.is_some_and(|end| end.told.number < asked.began.number) {
                    return Err(format!("I5: a grant of user {}, who is disabled, is refreshed", owner.user));
                }
                if overtaken && rotates {
                    return Err("RF-01: a refresh token is accepted whose successor has been used".to_owned());
                }
                self.app_stands(asked, app)?;
                let next = tokens.get("refresh_token").and_then(Value::as_str).unwrap_or_default().to_owned();
                let shown = &mut self.oracle.refreshes[at];
                if (next == shown.value) == rotates {
                    return Err(format!(
                        "{} gets {} refresh token",
                        NAMES[app],
                        if rotates { "the same" } else { "another" }
                    ));
                }
                if shown.next.as_ref().is_some_and(|other| *other != next) {
                    return Err("RF-02: one refresh token has two successors".to_owned());
                }
                shown.next = Some(next.clone());
                shown.used.get_or_insert(now.number);
                let token = self.oracle.refreshes.iter().position(|token| token.value == next).unwrap_or_else(|| {
                    let new = Refresh { value: next, grant, generation: generation + 1, next: None, used: None };
                    self.oracle.refreshes.push(new);
                    self.oracle.refreshes.len() - 1
                });
                let known = self.oracle.grants[grant].held.map_or(0, |held| self.oracle.refreshes[held].generation);
                if !asked.lost && self.oracle.refreshes[token].generation > known {
                    self.oracle.grants[grant].held = Some(token);
                }
                self.new_token(&tokens, Some(grant), Some(app), asked)?;
                self.must_be_there(grant, self.oracle.refreshes[token].generation)
            }
            Answer::Refused(error) => {
                if overtaken && rotates && error == "invalid_grant" && !self.oracle.jumped {
                    return self.must_have_ended(asked, grant, "one of its refresh tokens was used twice");
                }
                let proves = NAMES[app] != "spa";
                let sound = held && proves && !owner.touched && owner.ended.is_none() && !self.oracle.jumped;
                if sound && self.oracle.people[owner.user].shaky == 0 && !self.oracle.apps[app].touched {
                    return Err(format!("RF-03: {} is refused with the newest token it has: {error}", NAMES[app]));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn introspected(&mut self, asked: &Asked, token: usize, foreign: bool, answer: Answer) -> Result<(), String> {
        let Answer::Claims(claims) = answer else { return Ok(()) };
        if foreign {
            return match claims.as_object().map(serde_json::Map::len) {
                Some(1) if claims["active"] == false => Ok(()),
                _ => Err(format!("I12: a stranger hears of a token: {claims}")),
            };
        }
        if claims["active"] == true { self.believed(asked, token) } else { self.refused(token) }
    }

    /// A token was believed.
    fn believed(&self, asked: &Asked, token: usize) -> Result<(), String> {
        let token = &self.oracle.tokens[token];
        if self.oracle.is_dead(token, asked.began, asked.node, asked.life) {
            return Err(format!("I3: an access token is believed by node {} after its end", asked.node));
        }
        if !self.oracle.jumped && asked.began.at > token.expires.end + ONE_SECOND {
            return Err("an access token is believed after it has expired".to_owned());
        }
        token.app.map_or(Ok(()), |app| self.app_stands(asked, app))
    }

    /// A token was not believed.
    fn refused(&self, token: usize) -> Result<(), String> {
        let token = &self.oracle.tokens[token];
        if self.oracle.is_sound(token) && self.now.at < token.expires.start - ONE_SECOND {
            return Err(format!("a good access token of {:?} is refused", token.app.map(|app| NAMES[app])));
        }
        Ok(())
    }

    fn exchanged(&mut self, asked: &Asked, subject: usize, answer: Answer) -> Result<(), String> {
        let Answer::Tokens(tokens) = answer else { return Ok(()) };
        self.believed(asked, subject)?;
        let (grant, expires) = (self.oracle.tokens[subject].grant, self.oracle.tokens[subject].expires.end);
        let touched = self.oracle.tokens[subject].touched;
        if grant.is_none() {
            return Err("a token of nobody is exchanged".to_owned());
        }
        let new = self.new_token(&tokens, grant, None, asked)?;
        new.touched |= touched;
        if new.expires.start > expires + ONE_SECOND {
            return Err("an exchanged token lives longer than the one it came from".to_owned());
        }
        Ok(())
    }

    /// I8: it verifies with a key that was published before it.
    fn new_token(
        &mut self,
        tokens: &Value,
        grant: Option<usize>,
        app: Option<usize>,
        asked: &Asked,
    ) -> Result<&mut Token, String> {
        let value = tokens.get("access_token").and_then(Value::as_str).unwrap_or_default();
        let token = self.oracle.read(value, grant, app, asked.began.at..self.now.at)?;
        let published = self.look_at_keys()?;
        let excused = asked.began.at <= self.oracle.keys_settle_at || self.oracle.revoking_keys > 0;
        let known = published.contains(&token.kid) || (excused && self.oracle.keys.contains(&token.kid));
        if !known {
            return Err(format!("I8: a token is signed with {}, which is not published", token.kid));
        }
        self.oracle.tokens.push(token);
        self.oracle.tokens.last_mut().ok_or_else(String::new)
    }

    fn keys_changed(&mut self, asked: &Asked, answer: &Answer) -> Result<(), String> {
        if matches!(asked.what, Request::RevokeKey) {
            // When nobody knows whether it is done, any key may be the one.
            if !matches!(answer, Answer::Unavailable) {
                self.oracle.revoking_keys -= 1;
            }
            self.oracle.keys_settle_at = self.now.at + OLD_VIEW;
            self.oracle.tokens.iter_mut().for_each(|token| token.touched = true);
        }
        self.look_at_keys().map(|_| ())
    }

    /// KY-06: there is one key that signs and at most one that waits.
    pub(crate) fn look_at_keys(&mut self) -> Result<Vec<String>, String> {
        let keys = self.site.wait(self.eye.signing_keys()).map_err(|error| format!("{error:?}"))?;
        let count = |state: KeyState| keys.iter().filter(|key| key.state == state).count();
        if count(KeyState::Active) != 1 || count(KeyState::Next) > 1 {
            return Err(format!("KY-06: {} active keys, {} next", count(KeyState::Active), count(KeyState::Next)));
        }
        let published = keys.iter().filter(|key| key.state.is_published()).map(|key| key.kid.to_string());
        let published: Vec<String> = published.collect();
        self.oracle.keys.extend(published.iter().cloned());
        Ok(published)
    }

    /// I8, for a resource server that has fetched the keys just now.
    fn read_keys(&mut self, keys: &str) -> Result<(), String> {
        let parsed: Value = serde_json::from_str(keys).map_err(|error| error.to_string())?;
        let published = parsed["keys"].as_array().cloned().unwrap_or_default();
        let now = self.now.at;
        let mut unverified = Vec::new();
        for (at, token) in self.oracle.tokens.iter().enumerate() {
            if token.touched || self.oracle.revoking_keys > 0 || now >= token.expires.start {
                continue;
            }
            let Some(key) = published.iter().find(|key| key["kid"] == token.kid.as_str()) else {
                return Err(format!("I8: a token lives whose key {} is no longer published", token.kid));
            };
            if !token.verified {
                unverified.push((at, key.to_string()));
            }
        }
        for (at, key) in unverified {
            let verifier = Verifier::from_jwk(&key).map_err(|error| error.to_string())?;
            let outcome = verifier.verify(&self.oracle.tokens[at].value);
            outcome.map_err(|fault| format!("I8: a good token does not verify: {fault}"))?;
            self.oracle.tokens[at].verified = true;
        }
        Ok(())
    }

    /// I7: what was answered is in the database.
    fn must_be_there(&mut self, grant: usize, generation: u64) -> Result<(), String> {
        let family = self.family(grant)?;
        match family {
            Some(stored) if stored >= generation => Ok(()),
            stored => Err(format!("I7: generation {generation} was answered, {stored:?} is stored")),
        }
    }

    fn family(&self, grant: usize) -> Result<Option<u64>, String> {
        let id = FamilyId::new(self.oracle.grants[grant].id.clone()).map_err(|error| error.to_string())?;
        let family = self.site.wait(self.eye.family(id)).map_err(|error| format!("{error:?}"))?;
        Ok(family.map(|family| u64::try_from(family.generation).unwrap()))
    }

    pub(crate) fn is_alive(&self, grant: usize) -> Result<bool, String> {
        let id = FamilyId::new(self.oracle.grants[grant].id.clone()).map_err(|error| error.to_string())?;
        let family = self.site.wait(self.eye.family(id)).map_err(|error| format!("{error:?}"))?;
        Ok(family.is_some_and(|family| family.revoked.is_none()))
    }

    fn must_have_ended(&mut self, asked: &Asked, grant: usize, why: &str) -> Result<(), String> {
        if self.is_alive(grant)? {
            return Err(format!("a grant lives on although {why}"));
        }
        self.oracle.grants[grant].ended.get_or_insert(asked.end(self.now));
        Ok(())
    }

    /// What is left when everything has been answered.
    pub(crate) fn check_end(&mut self) -> Result<(), String> {
        self.look_at_keys()?;
        for grant in 0..self.oracle.grants.len() {
            if self.oracle.grants[grant].ended.is_some() && self.is_alive(grant)? {
                return Err(format!(
                    "I3: a grant that has ended is alive in the database: {:?}",
                    self.oracle.grants[grant]
                ));
            }
        }
        Ok(())
    }

    /// I9: no secret that was handed out is in the database.
    pub(crate) fn check_image(&self, image: &[u8]) -> Result<(), String> {
        let secrets = self.oracle.codes.iter().map(|code| &code.value);
        let secrets = secrets.chain(self.oracle.refreshes.iter().map(|token| &token.value));
        let secrets = secrets.chain(self.oracle.cookies.iter().map(|cookie| &cookie.value));
        let secrets: Vec<&[u8]> = secrets.map(String::as_bytes).collect();
        for at in 0..image.len().saturating_sub(4) {
            if image[at] == b's' && image[at + 1] == b'g' && image[at + 3] == b'_' {
                let found = secrets.iter().find(|secret| image[at..].starts_with(secret));
                if let Some(secret) = found {
                    return Err(format!("I9: {} is in the database", String::from_utf8_lossy(secret)));
                }
            }
        }
        Ok(())
    }
}

/// Whose things may end by this.
const fn disturbs(what: &Request) -> Option<usize> {
    match *what {
        Request::SignIn { user, .. }
        | Request::Logout { user, .. }
        | Request::SignOutEverywhere { user }
        | Request::RemoveAccess { user, .. }
        | Request::SetPassword { user }
        | Request::DisableUser { user, .. } => Some(user),
        _ => None,
    }
}
