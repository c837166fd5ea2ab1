import { isAbsolute } from "node:path";

/** A git remote, taken apart. `shown` is how it may be spoken of: without user name, password and query. */
export type Remote =
  | { readonly kind: "path"; readonly path: string; readonly shown: string }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly port?: string;
      readonly path: string;
      readonly shown: string;
    }
  | { readonly kind: "http"; readonly url: string; readonly login?: Login; readonly shown: string };

/** A user name and a password, which may be a token. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** What remotes may look like, for messages. */
export const remoteForms =
  'a git remote such as "https://host/me/mail.git", "git@host:me/mail.git", "ssh://host/srv/mail.git" or an absolute path';

// First letters are never a hyphen: what a program takes for an option is no name.
const user = /^\w[\w.+-]{0,63}$/;
const host = /^(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])$/;
const port = /^[1-9]\d{0,4}$/;
// eslint-disable-next-line no-control-regex -- these are what must not be there
const control = /[\u0000-\u001f\u007f]/;
const scpLike = /^(?:([^/@:]+)@)?(\[[^\]/]+\]|[^/@:[\]]+):(.+)$/;

/** Takes a remote apart; undefined where it is none that this channel goes to, such as `ext::`, `git://` or what looks like an option. */
export function parseRemote(text: string): Remote | undefined {
  if (text.length === 0 || text.length > 4_096 || text.startsWith("-") || control.test(text))
    return undefined;
  if (isAbsolute(text)) return pathRemote(text);
  // `ext::` and its like start programs.
  if (/^[^/[@:]*::/.test(text)) return undefined;
  if (text.includes("://")) return parseUrl(text);
  const [, login, name = "", path = ""] = scpLike.exec(text) ?? [];
  return sshRemote(login, name, undefined, path);
}

function parseUrl(text: string): Remote | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.search !== "" || url.hash !== "") return undefined;
  switch (url.protocol) {
    case "http:":
    case "https:":
      return httpRemote(url);
    case "ssh:":
      return sshRemote(
        url.username === "" ? undefined : decode(url.username),
        url.hostname,
        url.port === "" ? undefined : url.port,
        // As in git: `ssh://host/~/mail` is a path of the user's home.
        decode(url.pathname).replace(/^\/~/, "~"),
        url.password,
      );
    case "file:":
      return url.hostname === "" ? pathRemote(decode(url.pathname)) : undefined;
    default:
      return undefined;
  }
}

function httpRemote(url: URL): Remote | undefined {
  const path = url.pathname.replace(/\/+$/, "");
  if (path === "" || url.hostname === "") return undefined;
  const bare = `${url.origin}${path}`;
  if (url.username === "" && url.password === "") return { kind: "http", url: bare, shown: bare };
  const login = { username: decode(url.username), password: decode(url.password) };
  return { kind: "http", url: bare, login, shown: bare };
}

function sshRemote(
  login: string | undefined,
  name: string,
  at: string | undefined,
  path: string,
  password = "",
): Remote | undefined {
  // A password in an ssh address would stand in the list of processes.
  if (password !== "" || (login !== undefined && !user.test(login)) || !host.test(name)) return undefined;
  if (at !== undefined && !port.test(at)) return undefined;
  if (path === "" || path === "/" || path.startsWith("-") || control.test(path)) return undefined;
  // A letter alone is a drive of Windows, and no host.
  if (at === undefined && login === undefined && /^[A-Za-z]$/.test(name)) return undefined;
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  const target = login === undefined ? bare : `${login}@${bare}`;
  const shown = `ssh://${name}${at === undefined ? "" : `:${at}`}/${path.replace(/^\//, "")}`;
  return { kind: "ssh", host: target, ...(at === undefined ? {} : { port: at }), path, shown };
}

function pathRemote(path: string): Remote | undefined {
  if (!isAbsolute(path) || control.test(path)) return undefined;
  const bare = path.length > 1 ? path.replace(/[/\\]+$/, "") : path;
  return bare === "" || bare === "/" ? undefined : { kind: "path", path: bare, shown: bare };
}

/** Undoes percent-encoding; what is none stays as it is. */
function decode(text: string): string {
  return /%(?![0-9A-Fa-f]{2})/.test(text) ? text : safely(text);
}

function safely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
