// Loaded into each of the demo's daemons before their own program: where the demo itself is gone, however it ended, they end too.
process.on("disconnect", () => {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.exit(1), 5000).unref();
});
// The wire to the demo keeps no daemon alive that has ended otherwise.
process.channel?.unref();
