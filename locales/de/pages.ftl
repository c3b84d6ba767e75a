# Schreibrichtung: ltr oder rtl.
direction = ltr

## Anmelden

login-heading = Anmelden
login-title = Anmelden · { $brand }
login-title-app = Bei { $app } anmelden · { $brand }
app-logo = Logo von { $app }
app-about = Über { $app }
app-home = Website
app-policy = Datenschutz
app-terms = Nutzungsbedingungen
login-continue = um mit { $app } fortzufahren
login-username = E-Mail-Adresse
login-password = Passwort
login-submit = Anmelden
login-show = Passwort anzeigen
login-hide = Passwort verbergen
login-caps-lock = Die Feststelltaste ist aktiv.
login-error-credentials = E-Mail-Adresse oder Passwort ist falsch.
login-error-throttled = { $minutes ->
    [one] Zu viele Versuche. Bitte versuchen Sie es in einer Minute noch einmal.
   *[other] Zu viele Versuche. Bitte versuchen Sie es in { $minutes } Minuten noch einmal.
}
login-error-busy = Ihr Passwort kann gerade nicht geprüft werden. Bitte versuchen Sie es noch einmal.
login-error-stale = Diese Seite war zu lange offen, oder Ihr Browser behält keine Cookies. Bitte melden Sie sich noch einmal an.
login-notice-restarted = Das hat etwas gedauert. Bitte melden Sie sich noch einmal an.
login-notice-confirm = Bitte bestätigen Sie, dass Sie es sind.

## Konto wählen

select-heading = Konto wählen
select-title = Konto für { $app } wählen · { $brand }
select-continue = Weiter als { $name }
select-other = Anderes Konto verwenden

## Zustimmung

consent-title = { $app } erlauben? · { $brand }
consent-heading = { $app } möchte Ihr Konto verwenden
consent-account = Angemeldet als
consent-switch = Konto wechseln
consent-goes-to = Sie werden weitergeleitet zu
consent-unverified = Diese Anwendung hat sich selbst registriert. Niemand hat hier geprüft, wie sie heißt und was sie über sich sagt.
consent-able = Die App kann dann
consent-remember = Auswahl für diese App merken
consent-allow = Erlauben
consent-deny = Nicht erlauben
destination-loopback = Das ist ein Programm auf diesem Computer. Erlauben Sie es nur, wenn Sie es gerade selbst gestartet haben.
destination-private-use = Das ist eine App auf Ihrem Gerät.
scope-openid = bei jeder Anmeldung wissen, dass Sie es sind
scope-profile = Ihren Namen und Ihr Profil sehen
scope-email = Ihre E-Mail-Adresse sehen
scope-address = Ihre Postanschrift sehen
scope-phone = Ihre Telefonnummer sehen
scope-roles = Ihre Rollen sehen
scope-offline_access = angemeldet bleiben, wenn Sie nicht da sind
scope-unknown = diese Berechtigung nutzen:

## Fehler

error-request = Mit dieser Anfrage stimmt etwas nicht
error-request-text = Die App hat Sie mit einer Anfrage hierher geschickt, die wir nicht beantworten können; deshalb können wir Sie nicht zurückschicken. Das ist ein Fehler der App, nicht Ihrer.
error-expired = Diese Seite ist abgelaufen
error-expired-text = Bitte gehen Sie zurück zur App und beginnen Sie dort von vorn.
error-link = Dieser Link gilt nicht mehr
error-link-text = Er wurde schon benutzt oder ist zu alt. Fordern Sie einen neuen an.
error-not-found = Hier ist nichts
error-not-found-text = Vielleicht ist die Adresse falsch geschrieben.
error-too-many = Zu viele Anfragen
error-too-many-text = Bitte warten Sie kurz und versuchen Sie es dann noch einmal.
error-unavailable = Wir können gerade nicht antworten
error-unavailable-text = Bitte versuchen Sie es in einer Minute noch einmal. Es ist nichts verloren gegangen.
error-internal = Bei uns ist etwas schiefgegangen
error-internal-text = Bitte versuchen Sie es noch einmal. Wenn es wieder geschieht, sagen Sie es Ihrer Administration.
error-reference = Referenz
error-reference-text = Ihre Administration findet mit dieser Referenz die genaue Ursache.
error-back = Zurück
error-details = Einzelheiten für Entwickler

## Die Adresse selbst

home-text = Dieser Server meldet Menschen bei anderen Anwendungen an. Hier gibt es nichts zu tun: Öffnen Sie die Anwendung, die Sie benutzen möchten.
home-issuer = Sie entwickeln eine Anwendung? Das ist der Issuer
home-discovery = Alles Weitere steht in seinem Discovery-Dokument

## Abmelden

signed-out = Sie sind abgemeldet
signed-out-text = Dieser Browser ist nicht mehr bei { $brand } angemeldet.
signed-out-apps = In Apps, die Sie vorher geöffnet haben, sind Sie vielleicht noch angemeldet, bis Sie sich auch dort abmelden.
signed-out-frame = Abmeldung bei { $app }
signed-out-back = Zurück zu { $app }
logout-heading = Von { $brand } abmelden?
logout-text = Um Ihre Apps zu öffnen, müssen Sie sich danach neu anmelden.
logout-asked = { $app } möchte Sie abmelden. Um Ihre Apps zu öffnen, müssen Sie sich danach neu anmelden.
logout-level-immediate = Die Abmeldung wirkt sofort (immediate): Apps verlieren auf der Stelle, was sie bekommen haben. Eine App, die auch in Ihrer Abwesenheit arbeiten darf, behält das.
logout-level-refresh-revocation = Die Abmeldung beendet das Erneuern (refresh revocation): Apps bekommen nichts Neues. Was sie haben, endet in wenigen Minuten von selbst.
logout-confirm = Abmelden
logout-stay = Angemeldet bleiben

## Das Konto

account-heading = Ihr Konto
account-sessions = Wo Sie angemeldet sind
account-this-browser = Dieser Browser
account-other-browser = Ein anderer Browser
account-since = Seit { $since } UTC, zuletzt benutzt { $seen } UTC
account-used-for = Benutzt für
account-sign-out = Abmelden
account-applications = Apps mit Zugriff
account-no-applications = Keine App hat Zugriff.
account-access-since = Seit { $since } UTC
account-remove = Zugriff entziehen
account-everywhere-heading = Überall abmelden
account-everywhere-text = Sofort (immediate): beendet alle Sitzungen und den Zugriff aller Apps, auf der Stelle und auf allen Geräten. Danach müssen Sie sich neu anmelden.
account-everywhere = Überall abmelden

## Auf dem Rückweg

form-post-heading = Zurück zu { $app }
form-post-continue = Weiter

## Erste Administratorin, erster Administrator

setup-heading = Willkommen bei { $brand }
setup-text = Legen Sie das erste Administratorkonto an. Dieser Link gilt einmal.
setup-email = E-Mail-Adresse
setup-password = Neues Passwort
setup-password-hint = Mindestens { $minimum } Zeichen. Einige zufällige Wörter sind gut.
setup-submit = Administratorkonto anlegen
setup-error-email = Das ist keine E-Mail-Adresse.
setup-error-password-short = Das Passwort braucht mindestens { $minimum } Zeichen.
setup-error-password-long = Das Passwort ist zu lang.
setup-error-taken = Mit dieser E-Mail-Adresse gibt es schon ein Konto.
setup-done-heading = Alles bereit
setup-done-text = { $email } hat jetzt ein Administratorkonto.
setup-done-issuer = Diese Adresse, den Issuer, brauchen Ihre Apps
setup-done-next = Als Nächstes eine App registrieren
