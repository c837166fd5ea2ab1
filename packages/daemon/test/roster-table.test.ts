import { nodeId } from "@multifleet/core";
import { expect, test } from "vitest";
import { entryOf, makeFleet } from "../../roster/test/keys.js";
import { Table, type TableHost } from "../src/roster/table.js";

const { keysOf, fleet } = makeFleet("mac1");
const { gate, signer, stream } = keysOf("mac1");

function makeTable() {
  const told: string[] = [];
  const counted: string[] = [];
  const host = {
    counters: { count: (name: string) => counted.push(name) },
    log: { warn: (_event: string, { reason }: { readonly reason: string }) => told.push(reason) },
    fleet: { fleet, node: nodeId("mac1"), keys: { gate, signer } },
    stream,
  };
  return { table: new Table(host as unknown as TableHost), told, counted };
}

test("a row that is refused for the same reason again is told once, and counted each time", async () => {
  const { table, told, counted } = makeTable();
  let reason = "";
  const put = () => (reason === "" ? Promise.resolve() : Promise.reject(new Error(reason)));
  table.use({ put, watch: () => () => undefined });
  for (reason of ["no JetStream", "no JetStream", "full", "", "full"]) await table.write(entryOf("mac1"));
  table.end();
  expect(told).toEqual(["no JetStream", "full", "full"]);
  expect(counted.filter((name) => name === "roster_row_errors_total")).toHaveLength(4);
});
