// Runs a node at the port that its argument says.
import { http } from "@multifleet/channel-http";
import { serve } from "../../../test/peer.mjs";

await serve(http({ port: Number(process.argv[2]) }));
