import { Credentials } from "./credentials.js";
import { HttpConnection } from "./http.js";
import { Program } from "./program.js";
import type { Remote } from "./remote.js";
import type { Connection, Service } from "./session.js";

/** What every connection needs to know of this node. */
export interface Place {
  /** Where programs run. */
  readonly directory: string;
  readonly ssh: string;
}

/** Makes the connections to one remote, and remembers its credentials while it does. */
export function connector(remote: Remote, { directory, ssh }: Place): (service: Service) => Connection {
  switch (remote.kind) {
    case "path":
      return (service) =>
        new Program("git", [service.slice("git-".length), "--", remote.path], remote.shown, directory);
    case "ssh":
      // By the user's own ssh, called as git calls it: with its configuration, agent and known hosts.
      return (service) => {
        const at = remote.port === undefined ? [] : ["-p", remote.port];
        const argv = ["-T", "-o", "BatchMode=yes", ...at, "--", remote.host];
        return new Program(ssh, [...argv, `${service} ${quote(remote.path)}`], remote.shown, directory);
      };
    case "http": {
      const credentials = new Credentials(remote.url, remote.login, directory);
      return (service) => new HttpConnection(remote.url, service, credentials);
    }
  }
}

/** A path as one word of the far shell. */
function quote(path: string): string {
  // As in git, the shell finds the home: `~` and `~user` stand outside of the quotes.
  const [, home = "", rest = path] = /^(~\w*\/)(.*)$/.exec(path) ?? [];
  return `${home}'${rest.replaceAll("'", `'\\''`).replaceAll("!", `'\\!'`)}'`;
}
