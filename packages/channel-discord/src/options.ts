import type { FrameCover } from "@multifleet/core/age";
import { checkOptions as check, isRecord, text, whole, type Rules } from "@multifleet/core/options";
import { fault } from "./failure.js";
import { isToken } from "./token.js";

/** What `discord()` takes, and what stands under `channels.discord` in a config file; `cover` comes from the daemon. */
export interface DiscordOptions {
  /** The bot's token. This or `tokenFile`. */
  readonly token?: string;
  /** A file that holds the token, readable by its owner alone. */
  readonly tokenFile?: string;
  /** The id of the text channel, 17 to 20 digits. */
  readonly channel: string;
  /** Encrypts whole frames to the node they go to, and opens what comes for this one. A daemon supplies it; without one nothing is carried. */
  readonly cover: FrameCover;
  /** Where the API is; default `https://discord.com/api`. Where the gateway is, the API itself says. */
  readonly api?: string;
  /** The hosts that attachments are fetched from; default Discord's own two. */
  readonly attachmentHosts?: readonly string[];
  /** How many of the channel's latest messages are looked through for what came while this node was away; default 1,000. */
  readonly history?: number;
  /** How long a send waits for Discord's rate limit before it says `BUSY`, in ms; default 10,000. */
  readonly maxWaitMs?: number;
  /** How long a request may take in all, in ms; default 15,000. */
  readonly requestTimeoutMs?: number;
}

/** Options that were checked, with every default filled in. The token itself is read when the channel opens. */
export type Settings = Required<Omit<DiscordOptions, "token" | "tokenFile">> &
  Pick<DiscordOptions, "token" | "tokenFile">;

const defaults = {
  api: "https://discord.com/api",
  attachmentHosts: ["cdn.discordapp.com", "media.discordapp.net"],
  history: 1_000,
  maxWaitMs: 10_000,
  requestTimeoutMs: 15_000,
};

const rules: Rules<DiscordOptions> = {
  token: [
    (value) => isToken(value),
    'the bot\'s token as the developer portal shows it, without "Bot " before it',
    "secret",
  ],
  tokenFile: [text[0], "the path of a file with the token"],
  channel: [
    isSnowflake,
    'a channel\'s id in quotes, 17 to 20 digits such as "1234567890123456789"',
    "required",
  ],
  cover: [isCover, "left to the daemon, which supplies it", "required", "secret"],
  api: [isApi, 'an https:// address without query or user, such as "https://discord.com/api"'],
  attachmentHosts: [
    (value) => Array.isArray(value) && value.length > 0 && value.every(isHost),
    'a list of host names such as "cdn.discordapp.com", each with a port where it needs one',
  ],
  history: whole(0, 10_000),
  maxWaitMs: whole(0, 600_000),
  requestTimeoutMs: whole(100, 600_000),
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  const given = check<DiscordOptions>("discord", options, rules);
  if ((given.token === undefined) === (given.tokenFile === undefined))
    throw fault(
      "MISCONFIGURED",
      'it needs the bot\'s "token", or a "tokenFile" that holds it; one of the two',
    );
  return { ...defaults, ...given };
}

/** Whether `value` is an id as Discord writes them. */
export function isSnowflake(value: unknown): value is string {
  return typeof value === "string" && /^\d{17,20}$/.test(value);
}

/** Plain HTTP is for a server on this machine: anywhere else the token would cross the network in the open. */
function isApi(value: unknown): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(value);
  if (username + password + search + hash !== "" || value.endsWith("/")) return false;
  return (
    protocol === "https:" || (protocol === "http:" && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname))
  );
}

function isHost(value: unknown): boolean {
  return typeof value === "string" && /^[a-z0-9.[\]:-]+$/i.test(value) && URL.canParse(`https://${value}/`);
}

function isCover(value: unknown): boolean {
  return isRecord(value) && typeof value["cover"] === "function" && typeof value["uncover"] === "function";
}
