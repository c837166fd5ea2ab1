import { newKeyPair, signer, type KeyPair, type Signer } from "@multifleet/core";
import * as z from "zod";
import { explain, StartFailure } from "../failure.js";
import { readPrivate, writePrivate } from "../private-files.js";

const keyFile = z.strictObject({
  publicKey: z.string(),
  privateKey: z.string(),
  age: z.strictObject({ identity: z.string(), recipient: z.string() }),
});

/** What makes a node itself: the key it signs with and the key that others encrypt to. Never leaves the home. */
export interface Identity {
  readonly keys: KeyPair;
  readonly signer: Signer;
  readonly age: { readonly identity: string; readonly recipient: string };
}

/** Reads `node.key`, or makes one at the first start. @throws StartFailure */
export async function openIdentity(path: string): Promise<Identity> {
  const text = readPrivate(path);
  if (text === undefined) {
    // Loaded here only: most starts find a key, and age's library costs tens of milliseconds.
    const { newAgeIdentity } = await import("@multifleet/core/age");
    const keys = newKeyPair();
    const age = await newAgeIdentity();
    writePrivate(path, `${JSON.stringify({ ...keys, age }, undefined, 2)}\n`);
    return { keys, signer: signer(keys), age };
  }
  try {
    const { age, ...keys } = keyFile.parse(JSON.parse(text));
    return { keys, signer: signer(keys), age };
  } catch (thrown) {
    throw new StartFailure(
      `${path} does not hold a node's key (${explain(thrown)}). Restore it from a copy; if it is lost, move it away and join the fleet again.`,
      { cause: thrown },
    );
  }
}
