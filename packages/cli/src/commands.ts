import type { Call, CommandSpec, OptionSpec } from "./command.js";

/** Options of every command; they may also stand before its name. */
export const globals = {
  home: {
    type: "text",
    value: "DIR",
    completes: "directory",
    summary: "the node's home (MULTIFLEET_HOME, else ~/.multifleet)",
  },
  port: {
    type: "number",
    value: "N",
    summary: "the local API's port (MULTIFLEET_PORT, else what the running daemon wrote into its home)",
  },
  json: { type: "flag", summary: "print JSON, for programs" },
  help: { type: "flag", summary: "say what the command does and what it takes" },
  version: { type: "flag", summary: "print the version" },
} as const satisfies Record<string, OptionSpec>;

const waiting = {
  wait: {
    type: "text",
    value: "STATE",
    values: ["delivered", "surfaced", "settled"],
    summary: "end only when it got so far: in the inbox, given to a session, or ended in any way",
  },
  timeout: {
    type: "duration",
    value: "TIME",
    default: "30s",
    summary: "how long --wait waits; the message itself goes on",
  },
} as const satisfies Record<string, OptionSpec>;

const message = { name: "id", summary: "the message's id, as `send` printed it" } as const;
const item = { name: "id", summary: "the item's id, as `inbox` shows it" } as const;

/** Every command, in the order of the help. */
export const commands = {
  send: {
    summary: "Send a message",
    about: [
      "Prints the id and the state. `accepted` means that it is durable here and will be tried until it is delivered " +
        "or its time is over; `delivered` means that the receiver's signed receipt is held.",
      "Exit 1 where the message was not accepted, was rejected, or did not get as far as --wait asks.",
    ],
    positionals: [
      { name: "to", summary: "a node, `node/session`, `@capability` as `@gpu`, or `all`", completes: "node" },
      { name: "subject", summary: "one line" },
      { name: "body", summary: "the text; `-` reads it from standard input", optional: true },
    ],
    options: {
      type: {
        type: "text",
        value: "TYPE",
        values: ["context", "task", "reply", "alert"],
        default: "context",
        summary: "what the receiver is to make of it",
      },
      session: { type: "text", value: "ID", summary: "the agent session that sends it; replies go there" },
      key: {
        type: "text",
        value: "K",
        summary: "messages of one key are shown in the order in which they were sent",
      },
      expires: {
        type: "time",
        value: "TIME",
        summary: "when it is no longer worth delivering: 90s, 1h, 7d, or an RFC 3339 time",
      },
      via: { type: "text", value: "CHANNEL", completes: "channel", summary: "only by this channel" },
      "reply-to": { type: "text", value: "ID", summary: "the message that this one answers" },
      id: {
        type: "text",
        value: "ID",
        summary: "its id, where you have one: the same id is never sent twice",
      },
      ...waiting,
    },
    examples: [
      ['send mac2 deploy "push the landing page"', "sends and prints the id"],
      ["git diff | multifleet send mac2/review diff -", "sends what comes on standard input to one session"],
      ['send mac2 deploy "now" --wait delivered --timeout 10s', "ends when mac2 has it, or fails after 10 s"],
    ],
  },
  status: {
    summary: "Show how far a message got, and by which way",
    about: ["Shows the state with its reason, every attempt, and the receiver's receipt once it is held."],
    positionals: [message],
    options: {},
    examples: [["status 01jt9zd7w8k2m4n6p8q0r2s4t6", "state, attempts, receipt"]],
  },
  inbox: {
    summary: "Read what came in",
    about: [
      "Reading changes nothing. --take prints one item whole and then tells its sender that it was surfaced, " +
        "that is, given to you or to an agent session.",
    ],
    positionals: [],
    options: {
      session: { type: "text", value: "ID", summary: "only what is for this session" },
      unsurfaced: { type: "flag", summary: "only what no session was given yet" },
      follow: { type: "flag", summary: "stay, and print what comes in" },
      fetch: {
        type: "flag",
        summary:
          "have it looked where nobody tells of news, such as a git remote; what is found comes in a moment later, see --follow",
      },
      take: { type: "text", value: "ID", summary: "print this item whole, and mark it as surfaced" },
      limit: { type: "number", value: "N", default: 20, summary: "at most this many, the newest" },
    },
    examples: [
      ["inbox --unsurfaced", "what is new"],
      ["inbox --follow --json", "one JSON object a line, as they come in"],
    ],
  },
  reply: {
    summary: "Answer a message of the inbox",
    about: ["The answer goes to the session that the message came from."],
    positionals: [item, { name: "body", summary: "the text; `-` reads it from standard input" }],
    options: {
      subject: { type: "text", value: "TEXT", summary: "one line, in place of `Re: ...`" },
      session: { type: "text", value: "ID", summary: "the agent session that answers" },
      ...waiting,
    },
    examples: [['reply 01jt9zd7w8k2m4n6p8q0r2s4t6 "done, all green"', "answers the session that asked"]],
  },
  peers: {
    summary: "Show the other nodes of the fleet",
    about: [
      "Shows when each was last heard, the channels that lead to it, what each node has, and who is chief.",
    ],
    positionals: [],
    options: { names: { type: "flag", summary: "only the names, one a line" } },
    examples: [["peers", "who is there, and by which ways"]],
  },
  check: {
    summary: "Try every channel to a node with a signed probe",
    about: ["Shows which work, how fast, and why the others do not. Exit 1 where a node is reached by none."],
    positionals: [
      { name: "node", summary: "one peer; without it, all of them", optional: true, completes: "node" },
    ],
    options: {
      channel: { type: "text", value: "CHANNEL", completes: "channel", summary: "only this channel" },
    },
    examples: [["check mac2", "every way to mac2"]],
  },
  summary: {
    summary: "Print one line for a status bar",
    about: ["The node, how it is, its peers, what waits, what is new."],
    positionals: [],
    options: {},
    examples: [["summary", "mac1 ok, 2 of 2 peers, 0 waiting, 3 new"]],
  },
  "dead-letters": {
    summary: "Show what did not arrive and why, or send it again",
    about: [
      "A dead letter expired, was rejected or was cancelled. `retry` sends its content as a new message.",
    ],
    positionals: [
      { name: "action", summary: "`retry`: send one again", optional: true, values: ["retry"] },
      { name: "id", summary: "the dead letter's id", optional: true },
    ],
    options: {},
    examples: [
      ["dead-letters", "what ended other than delivered"],
      ["dead-letters retry 01jt9zd7w8k2m4n6p8q0r2s4t6", "sends it again, under a new id"],
    ],
  },
  cancel: {
    summary: "Take back a message that is still on its way",
    about: [
      "Where the receiver has it already, its receipt wins: the message then ends as delivered, and that is said.",
    ],
    positionals: [message],
    options: {},
    examples: [["cancel 01jt9zd7w8k2m4n6p8q0r2s4t6", "stops sending it"]],
  },
  invite: {
    summary: "Make a code with which another machine joins",
    about: ["The code is a secret until it is used or its time is over."],
    positionals: [],
    options: {
      uses: { type: "number", value: "N", default: 1, summary: "how many machines may join with it" },
      expires: { type: "time", value: "TIME", default: "1h", summary: "how long it is good" },
      lan: {
        type: "flag",
        summary: "let other machines reach this node's packet listener, where it is on loopback only",
      },
    },
    examples: [["invite --lan", "for one other machine on this network, within the hour"]],
  },
  join: {
    summary: "Join the fleet that an invitation is for",
    about: ["Run it on the machine that joins. Addresses and keys are exchanged; both are peers then."],
    positionals: [{ name: "code", summary: "what `invite` printed" }],
    options: { node: { type: "text", value: "NAME", summary: "this machine's name in the fleet" } },
    examples: [["join mf1-... --node mac2", "becomes mac2"]],
  },
  nats: {
    summary: "Run a NATS server of this node's own",
    about: [
      "`up` writes the configuration of a nats-server, starts it, keeps it running with the daemon, and sends by it at once. The program " +
        "must be on the daemon's PATH; where it is not, `up` says how to get it. Without options, `up` does what it did the last time.",
      "Members of a fleet need no password for each other's servers: what they log in with is made from the fleet's secret. A hub that is " +
        "not of this fleet takes --creds FILE, or --user with the password in NATS_PASSWORD or on standard input.",
      "`down` ends it and keeps what it stored; `status` shows how it is.",
    ],
    positionals: [
      {
        name: "action",
        summary: "`up`, `down` or `status`",
        optional: true,
        values: ["up", "down", "status"],
      },
    ],
    options: {
      role: {
        type: "text",
        value: "ROLE",
        values: ["single", "leaf", "cluster"],
        summary: "alone, below a hub, or one of several (told by --hub and --routes too)",
      },
      hub: { type: "text", value: "URL", summary: "a leaf's hub, such as nats-leaf://HOST:7422" },
      creds: { type: "text", value: "FILE", summary: "credentials file for the hub" },
      user: { type: "text", value: "NAME", summary: "user name for the hub" },
      routes: {
        type: "text",
        value: "LIST",
        summary: "the cluster's servers, HOST:6222 with commas between them; the same list on each",
      },
      "cluster-name": { type: "text", value: "NAME", summary: "the cluster's name (else the fleet's)" },
      "cluster-port": {
        type: "number",
        value: "N",
        summary: "its port for the others of the cluster (6222)",
      },
      listen: { type: "text", value: "ADDRESS", summary: "where it listens (127.0.0.1), such as 0.0.0.0" },
      "leaf-port": { type: "number", value: "N", summary: "let leaf nodes of this fleet in on this port" },
      share: { type: "flag", summary: "let members without a server of their own use this one" },
      "server-port": {
        type: "number",
        value: "N",
        summary: "its port for clients (4222); 0 for any free one",
      },
      purge: { type: "flag", summary: "with `down`: remove its streams and settings too" },
    },
    examples: [
      ["nats up", "one server, for this machine alone"],
      [
        "nats up --listen 0.0.0.0 --routes mac1:6222,mac2:6222,mac3:6222",
        "on each of three machines: a cluster",
      ],
      ["nats up --hub nats-leaf://mac1:7422", "a leaf, which works on when its hub is away"],
      ["nats status", "how it is, and where its files are"],
    ],
  },
  doctor: {
    summary: "Find what is wrong, and say what to type",
    about: [
      "Looks at the home, the daemon, its port, the clock, the disk, the channels, the peers and what waits. " +
        "Exit 1 where something is wrong.",
    ],
    positionals: [],
    options: {},
    examples: [["doctor", "what is wrong, why it matters, and the command that mends it"]],
  },
  demo: {
    summary: "Watch three nodes on this machine lose nothing",
    about: [
      "Starts three daemons in temporary homes, joins them by invitations, kills one's HTTP in mid-conversation and two " +
        "of them outright, and counts at the end what arrived. On a terminal it then stays up to be tried, until Ctrl-C.",
      "Exit 1 where anything was lost or came twice.",
    ],
    positionals: [],
    options: { once: { type: "flag", summary: "end by itself, on a terminal too" } },
    examples: [["demo --once", "a quarter of a minute, then everything is gone again"]],
  },
  deliver: {
    summary: "Hand over a sealed packet that came another way",
    about: [
      "Reads one sealed packet on standard input, as another node's daemon does over SSH where the server forwards nothing. " +
        "The daemon judges it like any other.",
      "Prints `taken` once the daemon has it, with --json its sealed answer in base64. Where no daemon answers, the packet is put into " +
        "the seed directory of the home, to be read at the daemon's start, and that is `stored`. Exit 1 where it is `refused`, or is to come again `later`.",
    ],
    positionals: [],
    options: {},
    examples: [["deliver --json < packet", "the daemon's answer, as one line of JSON"]],
  },
  completion: {
    summary: "Print the completion script of a shell",
    about: [],
    positionals: [{ name: "shell", summary: "bash, zsh or fish", values: ["bash", "zsh", "fish"] }],
    options: {},
    examples: [
      ["completion bash > ~/.local/share/bash-completion/completions/multifleet", "bash"],
      ["completion zsh > ~/.zfunc/_multifleet", "zsh, where ~/.zfunc is in fpath"],
      ["completion fish > ~/.config/fish/completions/multifleet.fish", "fish"],
    ],
  },
  help: {
    summary: "Say what a command does and what it takes",
    about: [],
    positionals: [{ name: "command", summary: "one of the above", optional: true, completes: "command" }],
    options: {},
    examples: [["help send", "the same as `multifleet send --help`"]],
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof commands;

/** What the command of this name is run with. */
export type CallOf<Name extends CommandName> = Call<(typeof commands)[Name], typeof globals>;

/** Whether `text` is a command's name. */
export function isCommand(text: string): text is CommandName {
  return Object.hasOwn(commands, text);
}

/** The command, with its literal types forgotten: what help, completion and the reference read. */
export function specOf(name: CommandName): CommandSpec {
  return commands[name];
}

export const commandNames = Object.keys(commands) as CommandName[];
