/** The largest sealed packet, in bytes, on every channel alike: below NATS' default `max_payload` of 1 MiB (1,048,576). */
export const maxPacketBytes = 786_432;
/** The largest message body, in bytes of UTF-8. What passes this passes every channel; what does not is refused at accept. */
export const maxBodyBytes = 524_288;
/** The largest subject line, in bytes of UTF-8. */
export const maxSubjectBytes = 1_024;
/** The largest of a packet's short text fields (session, ordering key), in bytes of UTF-8. */
export const maxFieldBytes = 256;
