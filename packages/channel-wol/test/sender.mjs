// Wakes one machine by the built package, and says how that went, and where it is itself.
import wol from "@multifleet/channel-wol";

const { target, options } = JSON.parse(process.argv[2] ?? "");
const host = { node: "mac1", fleet: "home", addresses: () => [target], count() {}, report() {} };
const { signal } = new AbortController();
// @ts-expect-error -- a host in miniature
const link = await wol(options).open(host, { signal });
// @ts-expect-error -- names as they are
const { ok } = await link.send({ id: "a", to: "mac2", bytes: new Uint8Array(1) }, { signal });
process.stdout.write(JSON.stringify({ ok, addresses: link.addresses }));
await link[Symbol.asyncDispose]();
