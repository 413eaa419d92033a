// A real OpenID provider, for tests: `node provider.mjs PORT CLIENT_SECRET CALLBACK`.
//
// Whoever signs in is who they say they are, with any password: `people` has their claims.
// It speaks the code flow with PKCE only, and says so in its discovery document.
import { Provider } from "oidc-provider";

const [port, clientSecret, callback] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const people = {
  ada: { preferred_username: "ada@Hospital.example", groups: ["/pht/researchers", "staff"] },
  dora: { preferred_username: "Dora", groups: ["researcher", "teacher"] },
  stranger: { preferred_username: "stranger@hospital.example", groups: ["staff"] },
  mallory: { preferred_username: "ada@elsewhere.example", groups: ["/pht/researchers"] },
  impostor: { preferred_username: "dr-lovelace@hospital.example", groups: ["/pht/researchers"] },
  upstart: { preferred_username: "upstart@hospital.example", groups: "admin" },
};

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "phtlab-hub",
      client_secret: clientSecret,
      redirect_uris: [callback],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: [clientSecret] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
});

provider.listen(Number(port), "127.0.0.1", () => process.stdout.write(`${issuer}\n`));
