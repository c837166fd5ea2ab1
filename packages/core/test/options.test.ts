import { ChannelError } from "@multifleet/core";
import { checkOptions, flag, isRecord, text, whole, type Rules } from "@multifleet/core/options";
import { expect, test } from "vitest";

interface Options {
  readonly port: number;
  readonly host?: string;
  readonly token?: string;
  readonly tls?: boolean;
}

const [isText, aText] = text;
const rules: Rules<Options> = {
  port: [...whole(1, 9), "required"],
  host: text,
  token: [(value) => isText(value) && value !== "hunter2", aText, "secret"],
  tls: flag,
};

const check = (options: unknown, inside?: string) => checkOptions<Options>("tcp", options, rules, inside);

function complaint(options: unknown, inside?: string): string {
  try {
    check(options, inside);
  } catch (error) {
    if (error instanceof ChannelError) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error("nothing is wrong with it");
}

test("options that will do come back without those that are undefined, so that a default stays", () => {
  const defaults = { host: "127.0.0.1", tls: false };
  expect({ ...defaults, ...check({ port: 9, host: undefined, tls: true }) }).toEqual({
    port: 9,
    host: "127.0.0.1",
    tls: true,
  });
});

test.each([
  [null, "options is null, and must be an object"],
  [undefined, "options is missing, and must be an object"],
  [[], "options is [], and must be an object"],
  [{ port: 0 }, "port is 0, and must be a whole number from 1 to 9"],
  [{ port: 10 }, "port is 10, and"],
  [{ port: 1.5 }, "port is 1.5, and"],
  [{ port: "1" }, 'port is "1", and'],
  [{ port: null }, "port is null, and"],
  [{}, "port is missing, and must be a whole number from 1 to 9"],
  [{ port: undefined }, "port is missing, and"],
  [{ port: 1, host: "" }, 'host is "", and must be a text that is not empty'],
  [{ port: 1, tls: "no" }, 'tls is "no", and must be true or false'],
  [{ port: 1, prot: 1 }, 'there is no option "prot"; there are port, host, token, tls'],
  [JSON.parse('{"port": 1, "__proto__": {}}'), 'there is no option "__proto__"'],
  [{ port: 1, constructor: 1 }, 'there is no option "constructor"'],
])("%j is an error that says what is wrong and what is allowed", (options, says) => {
  expect(complaint(options)).toContain(`MISCONFIGURED tcp: ${says}`);
});

test("what only the prototype has was not given", () => {
  expect(complaint(Object.create({ port: 1 }))).toContain("port is missing");
});

test("options inside others are named by the whole way to them", () => {
  expect(complaint(7, "peers.mac2")).toContain("tcp: peers.mac2 is 7, and must be an object");
  expect(complaint({ port: 0 }, "peers.mac2")).toContain("tcp: peers.mac2.port is 0, and");
  expect(complaint({ via: 1 }, "peers.mac2")).toContain('no option "peers.mac2.via"; there are port');
  const one = () => checkOptions<{ url?: string }>("tcp", { uri: 1 }, { url: text });
  expect(one).toThrow('there is no option "uri"; there is url');
});

test("a secret is not shown, not even in part, nor the login in a URL", () => {
  for (const token of ["hunter2", ["hunter2"], { hunter2: 1 }]) {
    const said = complaint({ port: 1, token });
    expect(said).toContain("token is not what it should be, and must be a text");
    expect(said).not.toContain("hunter2");
  }
  for (const host of [
    "x://me:hunter2@h",
    "x://me:hun@/hunter2@h",
    'x://"hunter2@h',
    `x://${"hunter2".repeat(99)}@h`,
  ])
    expect(complaint({ port: 1, host: [host] })).toContain('host is ["x://...@h"], and');
});

test("a value is shown on one short line, whatever it is", () => {
  const host = { toJSON: () => "a\u202eb\u0085c\u2028d" };
  expect(complaint({ port: 1, host })).toContain('host is "a b c d", and');
  expect(complaint({ port: 1, host: ["x".repeat(1_000)] }).length).toBeLessThan(150);
  const round: { self?: unknown } = {};
  round.self = round;
  expect(complaint({ port: 1, host: round })).toContain("host is of type object, and");
  expect(complaint({ port: 1n })).toContain("port is of type bigint, and");
  expect(complaint({ port: () => "hunter2" })).toContain("port is of type function, and");
});

test("a record is an object with keys", () => {
  expect([{}, Object.create(null)].every(isRecord)).toBe(true);
  expect([null, [], "x", () => 1, undefined].some(isRecord)).toBe(false);
});
