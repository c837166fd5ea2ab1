// Runs a node at the socket that its argument says.
import { ipc } from "@multifleet/channel-ipc";
import { serve } from "../../../test/peer.mjs";

await serve(ipc({ path: process.argv[2] ?? "" }));
