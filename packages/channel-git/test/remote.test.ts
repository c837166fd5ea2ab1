import { expect, test } from "vitest";
import { parseRemote } from "../src/remote.js";

test.each([
  ["https://github.com/me/mail.git", { kind: "http", url: "https://github.com/me/mail.git" }],
  ["https://host/me/mail.git/", { kind: "http", url: "https://host/me/mail.git" }],
  ["http://127.0.0.1:8080/mail.git", { kind: "http", url: "http://127.0.0.1:8080/mail.git" }],
  [
    "https://me:p%40ss@host/mail.git",
    { login: { username: "me", password: "p@ss" }, shown: "https://host/mail.git" },
  ],
  ["git@github.com:me/mail.git", { kind: "ssh", host: "git@github.com", path: "me/mail.git" }],
  ["mac2:mail.git", { kind: "ssh", host: "mac2", path: "mail.git" }],
  ["git@[::1]:mail.git", { kind: "ssh", host: "git@::1", path: "mail.git" }],
  [
    "ssh://git@host:2222/srv/mail.git",
    { kind: "ssh", host: "git@host", port: "2222", path: "/srv/mail.git" },
  ],
  ["ssh://host/~/mail.git", { kind: "ssh", host: "host", path: "~/mail.git" }],
  ["/srv/mail.git", { kind: "path", path: "/srv/mail.git" }],
  ["/srv/mail.git/", { kind: "path", path: "/srv/mail.git" }],
  ["file:///srv/my%20mail.git", { kind: "path", path: "/srv/my mail.git" }],
])("%s is taken apart", (text, parts) => {
  expect(parseRemote(text)).toMatchObject(parts);
});

test.each([
  "",
  "mail.git",
  "../mail.git",
  "~/mail.git",
  "ext::sh -c touch% /tmp/x",
  "fd::17",
  "transport::https://host/x",
  "ext://sh",
  "git://host/mail.git",
  "ftp://host/mail.git",
  "javascript://host/mail.git",
  "-uevil",
  "--upload-pack=touch /tmp/x",
  "-oProxyCommand=touch:x",
  "ssh://-oProxyCommand=touch/x",
  "ssh://-v@host/x",
  "-v@host:x",
  "host:-x",
  "host:--upload-pack=x",
  "ssh://host:99999999/x",
  "ssh://me:secret@host/x",
  "ssh://host",
  "https://host",
  "https://host/x?service=evil",
  "https://host/x#y",
  "https://host/x\n",
  "host:x\ny",
  "/srv/x\0y",
  "/srv/x\ny",
  "/",
  "file://host/srv/mail.git",
  "a b:x",
  "$(x):y",
  "`x`:y",
  "host;x:y",
  "C:mail.git",
  `/${"x".repeat(5_000)}`,
])("%j is none, and is refused before anything is started", (text) => {
  expect(parseRemote(text)).toBeUndefined();
});
