import { testChannel } from "@multifleet/conformance";
import { test } from "vitest";
import { git } from "../src/index.js";
import { Fleet } from "./fleet.js";
import { Repository } from "./repository.js";

const fleet = await Fleet.of("alpha", "bravo", "charlie");
const unused = { directory: "/nowhere", cover: fleet.cover("alpha") };

// A push and a read are some ten processes of git: whoever measures wants another channel.
testChannel<Repository>({
  test,
  rig: {
    traits: git({ ...unused, remote: "/nowhere.git" }).traits,
    create: () => Repository.make(),
    dispose: (repository) => repository.dispose(),
    channel: (repository, node) =>
      git({ remote: repository.path, directory: repository.spool(), cover: fleet.cover(node) }),
    cut: (repository) => repository.vanish(),
    heal: (repository) => repository.comeBack(),
    async garble(repository, { node }) {
      const junk = await repository.git("hash-object", "-w", "-t", "tree", "/dev/null");
      await repository.git("update-ref", `refs/multifleet/${node}/charlie`, junk);
    },
    leftovers: (repository) => repository.refs(),
    misconfigured: () => git({ ...unused, remote: "ext::sh -c date" }),
    // A name is a ref, and a ref is made by the first who writes to it.
    strangersReachable: true,
    crowd: 24,
    deadlineMs: 15_000,
  },
});
