import { Host, outcome, send } from "../../../test/host.js";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChannelError, type Link } from "@multifleet/core";
import { nkeys } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "../../../test/needs.js";
import type { NatsOptions } from "../src/index.js";
import { closeAll, openNats } from "./links.js";
import { program, Server } from "../../../test/nats-server.js";

const openssl = findProgram("openssl");
const directory = mkdtempSync(join(tmpdir(), "multifleet-nats-login-"));
const place = (name: string) => join(directory, name);
const file = (name: string, text: string) => {
  writeFileSync(place(name), text, { mode: 0o600 });
  return place(name);
};
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const user = nkeys.createUser();
const seed = text(user.getSeed());
const otherSeed = text(nkeys.createUser().getSeed());

/** A token as NATS' own tools make them: for an operator, an account or a user. */
function jwt(by: ReturnType<typeof nkeys.createUser>, sub: string, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { jti: sub, iat: 1_700_000_000, iss: by.getPublicKey(), name: sub, sub, nats };
  const signed = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part(claims)}`;
  return `${signed}.${Buffer.from(by.sign(new TextEncoder().encode(signed))).toString("base64url")}`;
}

const [operator, account] = [nkeys.createOperator(), nkeys.createAccount()];
const limits = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};
const operatorJwt = jwt(operator, operator.getPublicKey(), { type: "operator", version: 2 });
const accountJwt = jwt(operator, account.getPublicKey(), { limits, type: "account", version: 2 });
const creds = (signer: typeof account) =>
  [
    "-----BEGIN NATS USER JWT-----",
    jwt(signer, user.getPublicKey(), {
      pub: {},
      sub: {},
      subs: -1,
      data: -1,
      payload: -1,
      type: "user",
      version: 2,
    }),
    "------END NATS USER JWT------",
    "",
    "-----BEGIN USER NKEY SEED-----",
    seed,
    "------END USER NKEY SEED------",
    "",
  ].join("\n");

interface Login {
  readonly config: string;
  readonly right: NatsOptions;
  readonly also?: NatsOptions;
  readonly wrong: NatsOptions;
}

const logins: Record<string, Login> = {
  "a token": {
    config: "authorization: {token: s3cret-t0ken}",
    right: { token: "s3cret-t0ken" },
    also: { tokenFile: file("token", "s3cret-t0ken\n") },
    wrong: { token: "wrong-s3cret" },
  },
  "a user and password": {
    config: 'authorization: {users: [{user: "me", password: "s3cret:p@ss"}]}',
    right: { user: "me", pass: "s3cret:p@ss" },
    also: { user: "me", passFile: file("pass", "s3cret:p@ss\n") },
    wrong: { user: "me", pass: "wrong-s3cret" },
  },
  "an nkey": {
    config: `authorization: {users: [{nkey: ${user.getPublicKey()}}]}`,
    right: { nkey: seed },
    also: { nkeyFile: file("seed.nk", `# mine\n${seed}\n`) },
    wrong: { nkey: otherSeed },
  },
  credentials: {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: {${account.getPublicKey()}: ${accountJwt}}`,
    right: { creds: file("right.creds", creds(account)) },
    wrong: { creds: file("wrong.creds", creds(nkeys.createAccount())) },
  },
};

async function refusal(options: NatsOptions): Promise<ChannelError> {
  try {
    await openNats(new Host("alpha"), options);
  } catch (error) {
    if (error instanceof ChannelError) return error;
    throw error;
  }
  throw new Error("it opened");
}

afterEach(closeAll);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.skipIf(program === undefined)("logging in", () => {
  for (const [name, { config, right, also, wrong }] of Object.entries(logins)) {
    test(`with ${name}, and not with a wrong one`, async () => {
      const server = await Server.start(config);
      try {
        const bravo = new Host("bravo");
        await openNats(bravo, { servers: server.url, ...(also ?? right) });
        const link = await openNats(new Host("alpha"), { servers: server.url, ...right });
        expect(outcome(await send(link))).toBe("delivers");
        const error = await refusal({ servers: server.url, ...wrong });
        expect(error.code).toBe("DENIED");
        expect((await refusal({ servers: server.url })).code).toBe("DENIED");
        expect(JSON.stringify([error.message, String(error.cause), link.status?.()])).not.toMatch(
          new RegExp(`s3cret|${seed}|${otherSeed}`),
        );
      } finally {
        await closeAll();
        await server.stop();
      }
    });
  }

  test("with what stands in the server's URL, which is shown nowhere", async () => {
    const server = await Server.start('authorization: {users: [{user: "me", password: "s3cret:p@ss"}]}');
    try {
      const url = `nats://me:s3cret%3Ap%40ss@127.0.0.1:${server.port}`;
      const link = await openNats(new Host("alpha"), { servers: url });
      expect(outcome(await send(link))).toBe("UNREACHABLE");
      expect(JSON.stringify(link.status?.())).not.toContain("s3cret");
      const error = await refusal({ servers: url.replace("me:", "you:") });
      expect([error.code, error.message]).toEqual(["DENIED", expect.not.stringContaining("s3cret")]);
    } finally {
      await closeAll();
      await server.stop();
    }
  });

  test("ends the link when the server takes the login back", async () => {
    let allowed = "right";
    const server = await Server.start(() => `authorization: {users: [{user: me, password: ${allowed}}]}`);
    try {
      const alpha = new Host("alpha");
      const link = await openNats(alpha, { servers: server.url, user: "me", pass: "right" });
      allowed = "other";
      await server.kill();
      await server.run();
      expect((await link.closed)?.code).toBe("DENIED");
    } finally {
      await server.stop();
    }
  });

  test("with a file that is missing, or holds something else, is a mistake of the config and says which option", async () => {
    const server = await Server.start("");
    try {
      const { url } = server;
      for (const [option, path] of [
        ["tokenFile", place("absent")],
        ["creds", place("absent")],
        ["creds", file("junk.creds", "junk s3cret")],
        ["nkeyFile", file("junk.nk", "junk s3cret")],
      ] as const) {
        const error = await refusal({ servers: url, [option]: path });
        expect(error.code).toBe("MISCONFIGURED");
        expect(error.message).toMatch(new RegExp(option.replace("File", "")));
        expect(error.message).not.toContain("s3cret");
      }
    } finally {
      await server.stop();
    }
  });
});

describe.skipIf(program === undefined || openssl === undefined)("TLS", () => {
  const run = (...args: string[]) => execFileSync(openssl ?? "", args, { stdio: "pipe", cwd: directory });
  let server: Server;
  let guarded: Server;
  let misnamed: Server;

  beforeAll(async () => {
    for (const authority of ["ca", "other"])
      run(
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
        ...["-subj", `/CN=${authority}`, "-keyout", `${authority}.key`, "-out", `${authority}.pem`],
      );
    for (const [name, names] of [
      ["server", "DNS:localhost,IP:127.0.0.1"],
      ["client", "DNS:alpha"],
    ] as const) {
      file(`${name}.ext`, `subjectAltName=${names}\n`);
      run(
        ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
        ...["-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`],
      );
      run(
        ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
        ...["-days", "2", "-extfile", `${name}.ext`, "-out", `${name}.pem`],
      );
    }
    const tls = (more: string) =>
      `tls: {cert_file: "${place("server.pem")}", key_file: "${place("server.key")}", ${more}}`;
    server = await Server.start(tls("timeout: 3"));
    misnamed = await Server.start(
      `tls: {cert_file: "${place("client.pem")}", key_file: "${place("client.key")}", timeout: 3}`,
    );
    guarded = await Server.start(tls(`ca_file: "${place("ca.pem")}", verify: true, timeout: 3`));
  });
  afterAll(async () => {
    await server?.stop();
    await guarded?.stop();
    await misnamed?.stop();
  });

  test("is spoken to a server whose certificate our authority signed, by name and by address", async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      const servers = `tls://${host}:${server.port}`;
      const link = await openNats(new Host("alpha"), { servers, tls: { ca: place("ca.pem") } });
      expect(outcome(await send(link))).toBe("UNREACHABLE");
    }
  });

  test("is not spoken to one that somebody else signed, nor one of another name", async () => {
    const servers = `tls://127.0.0.1:${server.port}`;
    expect((await refusal({ servers, tls: { ca: place("other.pem") } })).code).toBe("DENIED");
    expect((await refusal({ servers })).code).toBe("DENIED");
    const { url } = misnamed;
    for (const other of [url, url.replace("127.0.0.1", "localhost")])
      expect((await refusal({ servers: other, tls: { ca: place("ca.pem") } })).code).toBe("DENIED");
  });

  test("shows our own certificate where the server asks for one", async () => {
    const servers = `nats://127.0.0.1:${guarded.port}`;
    const [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(place) as [string, string, string];
    const link = await openNats(new Host("alpha"), { servers, tls: { ca, cert, key } });
    expect(outcome(await send(link))).toBe("UNREACHABLE");
    // The server says so in the handshake, or hangs up after it.
    const without = await openNats(new Host("alpha"), { servers, tls: { ca } }).catch(
      (error: unknown) => error,
    );
    if (without instanceof ChannelError) expect(without.code).toBe("DENIED");
    else expect((without as Link).status?.()).toMatchObject({ connected: false });
  });

  test("is not done without where the options ask for it", async () => {
    const plain = await Server.start("");
    try {
      expect((await refusal({ servers: plain.url, tls: true })).code).toBe("DENIED");
    } finally {
      await plain.stop();
    }
  });
});
