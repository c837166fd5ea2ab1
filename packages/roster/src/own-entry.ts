import type { NodeId } from "@multifleet/core";
import type { Facts, RosterOptions } from "./contract.js";
import type { Entry, Role } from "./entry.js";

type Said = Facts & Pick<Entry, "peers_seen" | "absent" | "chief" | "term" | "board" | "leaving">;

/** A clock that was this far ahead of another is not believed: a year, in milliseconds. */
const believable = 366 * 86_400_000;

/** What this node says of itself, and since when: its stamp rises with each word, `changed` with each that says something else. */
export class OwnEntry {
  readonly #node: NodeId;
  readonly #role: Role;
  #entry: Entry;
  #content = "";
  #changed = 0;
  #least = 0;
  readonly #wall: () => number;

  constructor({ node, role, wall }: Pick<RosterOptions, "node" | "role" | "wall">) {
    this.#node = node;
    this.#role = role;
    this.#wall = wall;
    this.#entry = this.#make({
      ...{ version: "", capabilities: [], tools: {}, git_head: null, sessions: [], channels: {} },
      ...{ peers_seen: [], absent: {}, chief: null, term: 0, board: null, leaving: false },
    });
  }

  get entry(): Entry {
    return this.#entry;
  }

  /** The stamp of the first entry that said what the present one says. */
  get changed(): number {
    return this.#changed;
  }

  /** Takes what there is to say now. */
  renew(said: Said): void {
    // Whom it heard changes all the time: it goes along with the rest, and is no reason to speak.
    const content = JSON.stringify({ ...said, peers_seen: [] });
    if (content === this.#content) return;
    this.#content = content;
    this.#entry = this.#make(said);
    this.#changed = this.#entry.stamp;
  }

  /** Says the same with a new stamp, and as of now. */
  restamp(): void {
    this.#entry = { ...this.#entry, ...this.#time() };
  }

  /** Makes the next {@link renew} a new word, even if it says the same. */
  repeat(): void {
    this.#content = "";
  }

  /** The stamps to come are higher than `stamp`, which others know of us. */
  exceed(stamp: number): void {
    if (stamp <= this.#entry.stamp || stamp > this.#wall() + believable) return;
    this.#least = Math.max(this.#least, stamp + 1);
    this.#content = "";
  }

  #make(said: Said): Entry {
    const { sessions } = said;
    const { last_seen, stamp } = this.#time();
    return {
      node_id: this.#node,
      last_seen,
      version: said.version,
      capabilities: said.capabilities,
      tools: said.tools,
      peers_seen: said.peers_seen,
      channels: said.channels,
      git_head: said.git_head,
      claude_session: sessions[0] ?? null,
      sessions,
      chief: said.chief,
      term: said.term,
      chief_role: this.#role,
      absent: said.absent,
      board: said.board,
      leaving: said.leaving,
      stamp,
    };
  }

  #time(): Pick<Entry, "last_seen" | "stamp"> {
    const now = Math.floor(this.#wall());
    this.#least = Math.max(this.#least + 1, now);
    return { last_seen: new Date(now).toISOString(), stamp: this.#least };
  }
}
