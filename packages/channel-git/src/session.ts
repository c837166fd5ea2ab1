import { channelError, failureOf, Malformed } from "./failure.js";
import { flush, pktLine, PktReader } from "./pktline.js";

/** The two programs of git that stand at a remote's end. */
export type Service = "git-upload-pack" | "git-receive-pack";

/** A way to a remote, for one exchange. */
export interface Connection {
  /** Where it leads, for people. */
  readonly where: string;
  /** Gets to where the advertisement begins. @throws ChannelError */
  begin(): Promise<void>;
  /** What the remote says first: its refs. */
  readonly advertisement: PktReader;
  /** Sends the one request. @returns The answer. */
  request(body: readonly Uint8Array[]): Promise<PktReader>;
  /** Why it ended too early. */
  fault(): Promise<Error>;
  /** Ends it and all that belongs to it. */
  close(): Promise<void>;
}

/** The name of nothing: the old value of a ref that is made, the new one of a ref that is removed. */
export const nothing = "0".repeat(40);

/** A ref's change, made only if it still has its old value. */
export interface Command {
  readonly ref: string;
  readonly old: string;
  readonly new: string;
}

/** What became of a ref's change. */
export interface Outcome {
  readonly isDone: boolean;
  /** Git's reason. */
  readonly why: string;
  /** What the remote's hooks and git itself said beside it. */
  readonly said: string;
}

/** Whether a change came too late: the ref is not what it was, or somebody else is at it. */
export function isLost({ isDone, why }: Outcome): boolean {
  return (
    !isDone &&
    /^(failed to|fetch first|stale info|reference already exists|incorrect old|cannot lock)/.test(why)
  );
}

/** What a remote may tell of its refs, in bytes. */
export const maxAdvertisedBytes = 16 * 1_024 * 1_024;
/** What it may say besides a pack. */
const maxTalkBytes = 1_024 * 1_024;
const agent = "agent=multifleet";

/** One exchange with a remote: what refs it has, and then one fetch or one push. By version 0 of git's protocol, which every server speaks. */
export class Session {
  /** Those that were asked for. */
  readonly refs: ReadonlyMap<string, string>;
  readonly #abilities: ReadonlySet<string>;
  readonly #connection: Connection;

  private constructor(
    connection: Connection,
    refs: ReadonlyMap<string, string>,
    abilities: ReadonlySet<string>,
  ) {
    this.#connection = connection;
    this.refs = refs;
    this.#abilities = abilities;
  }

  /** @param wanted Which refs are of interest. @throws ChannelError */
  static async open(connection: Connection, wanted: (ref: string) => boolean): Promise<Session> {
    const refs = new Map<string, string>();
    let abilities = new Set<string>();
    await connection.begin();
    const { advertisement } = connection;
    for (let line = await advertisement.text(); line !== null; line = await advertisement.text()) {
      if (line === undefined) throw await connection.fault();
      const [said = "", able] = line.split("\0");
      if (able !== undefined) abilities = new Set(able.trim().split(" "));
      const format = [...abilities].find((each) => each.startsWith("object-format="));
      if ((format !== undefined && format !== "object-format=sha1") || /^[0-9a-f]{64} /.test(said))
        throw channelError(
          "UNREACHABLE",
          `${connection.where} is a SHA-256 repository: use one made with SHA-1`,
        );
      const [, oid, ref] = /^([0-9a-f]{40}) (\S+)$/.exec(said) ?? [];
      if (oid === undefined || ref === undefined) {
        if (/^(shallow [0-9a-f]{40}|version 1)$/.test(said)) continue;
        throw new Malformed("a ref");
      }
      // A ref that is being removed just then may be told with the name of nothing: it is not there.
      if (wanted(ref) && oid !== nothing) refs.set(ref, oid);
    }
    return new Session(connection, refs, abilities);
  }

  /** Whether a fetch may be cut to the newest commits. */
  get cuts(): boolean {
    return this.#abilities.has("shallow");
  }

  /**
   * Fetches commits and all that is in them.
   *
   * @param depth How many commits of each chain, newest first; undefined for all.
   * @param limit The most bytes.
   * @throws ChannelError, among them `Oversized`
   */
  async fetch(tips: readonly string[], depth: number | undefined, limit: number): Promise<Buffer> {
    if (!this.#abilities.has("side-band-64k")) throw new Malformed("a server without side-band-64k");
    const able = ["side-band-64k", "no-progress", "ofs-delta"].filter((each) => this.#abilities.has(each));
    const wants = [...new Set(tips)].map((oid, index) =>
      pktLine(`want ${oid}${index === 0 ? ` ${[...able, agent].join(" ")}` : ""}\n`),
    );
    const deepen = depth === undefined ? [] : [pktLine(`deepen ${depth}\n`)];
    const answer = await this.#connection.request([...wants, ...deepen, flush, pktLine("done\n")]);
    answer.allow(limit + maxTalkBytes);
    for (let line = await answer.text(); line !== "NAK"; line = await answer.text()) {
      if (line === undefined) throw await this.#connection.fault();
      if (line !== null && !/^(un)?shallow [0-9a-f]{40}$/.test(line))
        throw new Malformed("an answer to a fetch");
    }
    return Buffer.concat(await answer.band(() => undefined));
  }

  /**
   * Changes refs, each on its own.
   *
   * @returns By ref, whether it was changed.
   * @throws ChannelError when nothing was changed, or it is not known.
   */
  async push(
    commands: readonly Command[],
    pack: Uint8Array | undefined,
  ): Promise<ReadonlyMap<string, Outcome>> {
    const able = ["report-status", "side-band-64k", "quiet"].filter((each) => this.#abilities.has(each));
    if (!able.includes("report-status")) throw new Malformed("a server without report-status");
    const lines = commands.map(({ ref, old, new: next }, index) =>
      pktLine(`${old} ${next} ${ref}${index === 0 ? `\0 ${[...able, agent].join(" ")}` : ""}`),
    );
    const answer = await this.#connection.request([...lines, flush, ...(pack === undefined ? [] : [pack])]);
    answer.allow(maxTalkBytes);
    const said: string[] = [];
    const report = able.includes("side-band-64k")
      ? await this.#report(answer, said)
      : await plainReport(answer);
    return readReport(report, commands, said.join(" "), this.#connection.where);
  }

  async #report(answer: PktReader, said: string[]): Promise<string[]> {
    const parts = await answer.band((text) => void (said.length < 32 && said.push(text)));
    return plainReport(new PktReader([Buffer.concat(parts)], maxTalkBytes, this.#connection.where));
  }
}

async function plainReport(reader: PktReader): Promise<string[]> {
  const lines: string[] = [];
  for (let line = await reader.text(); line !== null; line = await reader.text()) {
    if (line === undefined) break;
    lines.push(line);
  }
  return lines;
}

/** @throws ChannelError when the remote could not unpack what was sent: then no ref was changed. */
function readReport(
  [unpacked = "", ...lines]: readonly string[],
  commands: readonly Command[],
  said: string,
  where: string,
): Map<string, Outcome> {
  if (!unpacked.startsWith("unpack ")) throw new Malformed("a report of a push");
  if (unpacked !== "unpack ok") throw failureOf(`${said} ${unpacked}`, where);
  const outcomes = new Map<string, Outcome>();
  for (const line of lines) {
    const [, how, ref, why] = /^(ok|ng) (\S+)(?: (.*))?$/.exec(line) ?? [];
    if (ref !== undefined) outcomes.set(ref, { isDone: how === "ok", why: why ?? "", said });
  }
  // A ref that the remote does not speak of was not changed as far as anybody knows.
  for (const { ref } of commands) {
    if (!outcomes.has(ref)) outcomes.set(ref, { isDone: false, why: "the remote said nothing of it", said });
  }
  return outcomes;
}

/** A pack of nothing, which goes with refs that are only moved. */
export const emptyPack = Buffer.from(
  "5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e",
  "hex",
);
