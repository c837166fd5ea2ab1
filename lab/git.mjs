import { address, none } from "./channels.mjs";
import { startSshd } from "./sshd.mjs";

/**
 * The channels of nodes that have a git remote alone, by SSH on a host of its own.
 *
 * @param {number} number of that host
 */
export function gitOnly(number) {
  return { ...none, git: { remote: `ssh://root@${address(number)}/srv/mailbox.git` } };
}

/**
 * Makes that remote on a host: an empty bare repository, into which root of the others may push.
 *
 * @param {import("./network.mjs").Network} network
 * @param {string} name of the host
 */
export async function startGit(network, name) {
  const host = network.host(name);
  await host.run("mount", "-t", "tmpfs", "none", "/srv");
  await host.run("git", "init", "-q", "--bare", "/srv/mailbox.git");
  await startSshd(
    host,
    [...network.hosts.values()].filter((other) => other !== host),
  );
}

/** What git takes. */
export const gitNeeds = ["sshd", "ssh", "ssh-keygen", "git"];

/**
 * Gives a sender the events at which it reads its remote, until all that it sent has ended: a host elsewhere pushes no news, so receipts are read at
 * the sender's next start.
 *
 * @param {import("./node.mjs").Node} sender
 * @param {readonly string[]} ids
 */
export async function readReceipts(sender, ids) {
  for (let starts = 0; starts < 10; starts++) {
    await sender.stop();
    await sender.start();
    let open = 0;
    for (const id of ids) if ((await sender.settled(id, open === 0 ? 5 : 1)).state !== "delivered") open++;
    if (open === 0) return;
  }
}
