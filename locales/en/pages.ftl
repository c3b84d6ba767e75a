# Which way this language is written: ltr or rtl.
direction = ltr

## Sign in

login-heading = Sign in
login-title = Sign in · { $brand }
login-title-app = Sign in to { $app } · { $brand }
app-logo = Logo of { $app }
app-about = About { $app }
app-home = Website
app-policy = Privacy policy
app-terms = Terms of service
login-continue = to continue to { $app }
login-username = E-mail address
login-password = Password
login-submit = Sign in
login-show = Show password
login-hide = Hide password
login-caps-lock = Caps Lock is on.
login-error-credentials = Wrong e-mail address or password.
login-error-throttled = { $minutes ->
    [one] Too many tries. Please try again in one minute.
   *[other] Too many tries. Please try again in { $minutes } minutes.
}
login-error-busy = We cannot check your password at this moment. Please try again.
login-error-stale = This page was open for too long, or your browser does not keep cookies. Please sign in again.
login-notice-restarted = That took a while. Please sign in again.
login-notice-confirm = Please confirm that it is you.

## Choose an account

select-heading = Choose an account
select-title = Choose an account for { $app } · { $brand }
select-continue = Continue as { $name }
select-other = Use another account

## Consent

consent-title = Allow { $app }? · { $brand }
consent-heading = { $app } wants to use your account
consent-account = Signed in as
consent-switch = Switch account
consent-goes-to = You will be sent to
consent-unverified = This application registered itself. Nobody here has checked its name or what it says of itself.
consent-able = It will be able to
consent-remember = Remember my choice for this app
consent-allow = Allow
consent-deny = Don’t allow
destination-loopback = This is a program on this computer. Only allow it if you have just started it yourself.
destination-private-use = This is an app on your device.
scope-openid = know that it is you, each time you sign in
scope-profile = see your name and profile
scope-email = see your e-mail address
scope-address = see your postal address
scope-phone = see your phone number
scope-roles = see your roles
scope-offline_access = stay signed in when you are away
scope-unknown = use this permission:

## Errors

error-request = Something is wrong with this request
error-request-text = The app sent you here with a request that we cannot answer, so we cannot send you back. This is the app’s mistake, not yours.
error-expired = This page has expired
error-expired-text = Please go back to the app and start again from there.
error-link = This link no longer works
error-link-text = It has been used before or is too old. Ask for a new one.
error-not-found = There is nothing here
error-not-found-text = The address may have been mistyped.
error-too-many = Too many requests
error-too-many-text = Please wait a little and try again.
error-unavailable = We cannot answer at this moment
error-unavailable-text = Please try again in a minute. Nothing has been lost.
error-internal = Something went wrong on our side
error-internal-text = Please try again. If it happens again, tell your administrator.
error-reference = Reference
error-reference-text = Your administrator can find the exact cause by this reference.
error-back = Go back
error-details = Details for developers

## The address itself

home-text = This server signs people in for other applications. There is nothing to do here: open the application that you want to use.
home-issuer = You build an application? This is the issuer
home-discovery = Everything else is in its discovery document

## Signing out

signed-out = You are signed out
signed-out-text = This browser is no longer signed in to { $brand }.
signed-out-apps = Apps that you opened before may keep you signed in until you sign out there too.
signed-out-frame = Signing out of { $app }
signed-out-back = Back to { $app }
logout-heading = Sign out of { $brand }?
logout-text = You will have to sign in again to open your apps.
logout-asked = { $app } asks to sign you out. You will have to sign in again to open your apps.
logout-level-immediate = Signing out is immediate: apps lose at once what they were given. An app that you allowed to work while you are away keeps that.
logout-level-refresh-revocation = Signing out is a refresh revocation: apps can renew nothing. What they have ends by itself within minutes.
logout-confirm = Sign out
logout-stay = Stay signed in

## The account page

account-heading = Your account
account-sessions = Where you are signed in
account-this-browser = This browser
account-other-browser = Another browser
account-since = Since { $since } UTC, last used { $seen } UTC
account-used-for = Used for
account-sign-out = Sign out
account-applications = Apps with access
account-no-applications = No app has access.
account-access-since = Since { $since } UTC
account-remove = Remove access
account-everywhere-heading = Sign out everywhere
account-everywhere-text = Immediate: ends every session and the access of every app, at once and on every device. You will have to sign in again.
account-everywhere = Sign out everywhere

## On the way back

form-post-heading = Going back to { $app }
form-post-continue = Continue

## First administrator

setup-heading = Welcome to { $brand }
setup-text = Create the first administrator. This link works once.
setup-email = E-mail address
setup-password = New password
setup-password-hint = At least { $minimum } characters. A few random words are good.
setup-submit = Create administrator
setup-error-email = This is not an e-mail address.
setup-error-password-short = The password needs at least { $minimum } characters.
setup-error-password-long = The password is too long.
setup-error-taken = There is already an account with this e-mail address.
setup-done-heading = All set
setup-done-text = { $email } is now an administrator.
setup-done-issuer = Your apps need this address, the issuer
setup-done-next = Next, register an app
