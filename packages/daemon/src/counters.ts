import type { CounterTable } from "@multifleet/core";

/** Every counter of a node. `error` counters are zero in a healthy one. */
export const counterTable = {
  messages_accepted_total: {
    class: "traffic",
    help: "Messages made durable in the outbox and answered with accepted.",
  },
  messages_delivered_total: {
    class: "traffic",
    help: "Messages whose receiver's signed receipt says delivered.",
  },
  messages_rejected_total: { class: "error", help: "Messages that ended as rejected.", label: "reason" },
  messages_expired_total: { class: "error", help: "Messages that ended as expired." },
  messages_cancelled_total: { class: "traffic", help: "Messages that their sender took back." },
  late_receipts_total: {
    class: "traffic",
    help: "Receipts that corrected an expired or cancelled message to delivered.",
  },
  accept_errors_total: { class: "error", help: "Messages that were refused at accept.", label: "code" },
  packets_received_total: { class: "traffic", help: "Frames that a channel handed over.", label: "channel" },
  packets_taken_total: { class: "traffic", help: "Messages and notices made durable in the inbox." },
  packets_duplicate_total: { class: "traffic", help: "Genuine packets that were taken before." },
  packets_refused_total: {
    class: "error",
    help: "Frames that are not genuine or not for this node.",
    label: "reason",
  },
  packets_rejected_total: {
    class: "error",
    help: "Genuine packets that were answered with a signed rejection.",
    label: "reason",
  },
  packets_deferred_total: {
    class: "error",
    help: "Frames that could not be stored, and were left with the sender.",
    label: "reason",
  },
  machine_events_total: {
    class: "traffic",
    label: "event",
    help: "Changes of this machine that were followed by a hello: its network changed, or it woke up.",
  },
  machine_watches_missing_total: {
    class: "traffic",
    label: "program",
    help: "Programs of the system that tell of its changes and are not there, or have ended. Without them a change is found out later.",
  },
  receipts_sent_total: { class: "traffic", help: "Receipts handed to a carrier." },
  receipts_refused_total: {
    class: "error",
    help: "Receipts that fit no pending message or whose digest is another's.",
  },
  receipt_send_errors_total: { class: "error", help: "Receipts that no carrier took; they stay owed." },
  send_attempts_total: { class: "traffic", help: "Attempts to carry a packet.", label: "channel" },
  send_successes_total: {
    class: "traffic",
    help: "Attempts that a carrier took or the peer answered.",
    label: "channel",
  },
  send_failures_total: { class: "error", help: "Attempts that failed.", label: "channel" },
  send_aborted_total: {
    class: "traffic",
    help: "Attempts ended because they were of no more use.",
    label: "channel",
  },
  send_failure_reasons_total: { class: "error", help: "Failed attempts by error code.", label: "code" },
  channel_cascade_fallback_total: {
    class: "error",
    help: "Times a packet went on to another channel after one failed.",
  },
  channel_hedge_total: {
    class: "traffic",
    help: "Times a second channel was started because the first was silent.",
  },
  channel_open_errors_total: { class: "error", help: "Channels that could not be opened.", label: "channel" },
  channel_closed_total: { class: "error", help: "Links that broke.", label: "channel" },
  channel_events_total: {
    class: "traffic",
    help: "What channels counted themselves, as channel.event.",
    label: "event",
  },
  http_send_errors_total: { class: "error", help: "Failed attempts over http." },
  nats_publish_errors_total: { class: "error", help: "Failed attempts over nats." },
  ssh_seed_write_errors_total: { class: "error", help: "Failed writes of a seed file." },
  self_heal_repair_attempts_total: { class: "traffic", help: "Times a broken channel was opened again." },
  self_heal_repair_success_total: { class: "traffic", help: "Times opening it again worked." },
  hellos_sent_total: { class: "traffic", help: "Hellos handed to a carrier." },
  hellos_received_total: { class: "traffic", help: "Genuine hellos." },
  relay_requests_total: {
    class: "traffic",
    help: "Requests of members to pass a packet on, to keep one, or to take one in that was passed on.",
  },
  relay_passed_total: { class: "traffic", help: "Packets passed on for members, that their receiver took." },
  relay_refused_total: {
    class: "error",
    help: "Requests to relay that were refused, or put off by a quota or a full store.",
    label: "reason",
  },
  relay_kept_total: { class: "traffic", help: "Copies kept durably for nodes that are away." },
  relay_dropped_total: {
    class: "traffic",
    help: "Kept copies that were dropped: delivered, settled, expired, refused or no longer genuine.",
    label: "reason",
  },
  relay_lies_total: {
    class: "error",
    help: "Answers of relays that are not what they say, such as a delivery without the receiver's own answer.",
  },
  roster_keep_alives_total: {
    class: "traffic",
    help: "Keep-alives of the roster, and its changes that were told one by one.",
  },
  roster_rows_written_total: { class: "traffic", help: "Times this node's row was written on the board." },
  roster_row_errors_total: { class: "error", help: "Rows that are not known to be stored; they come again." },
  roster_rows_read_total: { class: "traffic", help: "Newer rows of other nodes that were believed." },
  roster_rows_refused_total: {
    class: "error",
    help: "Rows of the board that are not what their node last signed; the last valid one is kept.",
    label: "reason",
  },
  roster_words_refused_total: {
    class: "error",
    help: "Genuine hellos whose part for the roster cannot be read.",
  },
  roster_chief_changes_total: {
    class: "traffic",
    help: "Times this node came to know another chief, or none.",
  },
  roster_watch_errors_total: { class: "error", help: "Repositories whose changes cannot be followed." },
  store_errors_total: { class: "error", help: "Store operations that failed.", label: "code" },
  api_requests_total: { class: "traffic", help: "Requests to the local API." },
  api_refusals_total: {
    class: "error",
    help: "Requests that the local API refused, by problem code.",
    label: "code",
  },
  api_errors_total: { class: "error", help: "Requests that failed inside the node." },
  api_disconnects_total: {
    class: "traffic",
    help: "Clients of the local API that went away before their request was complete or answered.",
  },
  api_streams_cut_total: {
    class: "traffic",
    help: "Event streams that were cut off because their client did not read; it can resume.",
  },
  joins_refused_total: { class: "error", help: "Requests to join that were refused.", label: "reason" },
  joins_total: { class: "traffic", help: "Nodes admitted." },
  nats_server_starts_total: { class: "traffic", help: "Times the node's own nats-server was started." },
  nats_server_start_errors_total: {
    class: "error",
    help: "Times the node's own nats-server could not be started as it is set up.",
  },
  nats_server_exits_total: {
    class: "error",
    help: "Times the node's own nats-server ended without being asked to; it is started again.",
  },
  nats_server_orphans_total: {
    class: "error",
    help: "Servers that a daemon left behind which was killed, and that were ended by the next one.",
  },
  nats_server_log_errors_total: {
    class: "error",
    help: "Lines of the nats-server's log that could not be written.",
  },
  internal_errors_total: { class: "error", help: "Failures that no other counter names.", label: "where" },
} as const satisfies CounterTable;
