// Another implementation of age, as a command: node age.js seal|open|open-passphrase KEY < in > out
import { buffer } from "node:stream/consumers";
import { webcrypto } from "node:crypto";

// Node 18, which Debian 12 has, does not define it; the library looks when it is loaded.
globalThis.crypto ??= webcrypto;
const { Decrypter, Encrypter } = await import("age-encryption");

const [verb, key] = process.argv.slice(2);
const content = new Uint8Array(await buffer(process.stdin));

async function run() {
  if (verb === "seal") {
    const encrypter = new Encrypter();
    encrypter.addRecipient(key);
    return encrypter.encrypt(content);
  }
  const decrypter = new Decrypter();
  if (verb === "open-passphrase") decrypter.addPassphrase(key);
  else decrypter.addIdentity(key);
  return decrypter.decrypt(content);
}

process.stdout.write(await run());
