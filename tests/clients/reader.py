"""An API that verifies tokens with PyJWT for as long as its standard input lasts: a line of JSON in, a line out.

The first line says where the keys are and, if need be, for how many seconds they are kept.
"""

import json
import sys

import jwt


def main() -> None:
    given = json.loads(sys.stdin.readline())
    times = {"lifespan": given["cache"], "cooldown_duration": given["cooldown"]} if given["cache"] else {}
    keys = jwt.PyJWKClient(given["jwks_uri"], **times)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            key = keys.get_signing_key_from_jwt(asked["token"])
            jwt.decode(
                asked["token"],
                key,
                algorithms=["ES256", "RS256"],
                issuer=given["issuer"],
                audience=asked["audience"],
            )
            answer = {"kid": key.key_id}
        except jwt.PyJWTError as fault:
            answer = {"error": f"{type(fault).__name__}: {fault}"}
        print(json.dumps(answer), flush=True)


main()
