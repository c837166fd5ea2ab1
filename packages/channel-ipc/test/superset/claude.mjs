// Stands in for an agent's terminal program: it takes keys raw, switches bracketed paste on, and tells what it is given. It ends when told to,
// or where SUPERSET_TEST_ENDS is set as soon as a paste is over.
import { connect } from "node:net";

const report = connect(process.env["SUPERSET_TEST_REPORT"] ?? "");
process.stdin.setRawMode(true);
process.stdout.write("\u001b[?2004h");
process.stdin.setEncoding("utf8");
process.stdin.on("data", (keys) => {
  report.write(`${JSON.stringify({ keys })}\n`);
  if (process.env["SUPERSET_TEST_ENDS"] && keys.includes("\u001b[201~")) process.exit(0);
});
report.on("data", () => process.exit(0));
report.on("close", () => process.exit(0));
report.write(`${JSON.stringify({ pid: process.pid })}\n`);
