/** Every channel off; a case turns on those that it is about. */
export const none = {
  discord: false,
  nats: false,
  http: false,
  relay: false,
  seed: false,
  ssh: false,
  wol: false,
  git: false,
  ipc: false,
};

/**
 * The addresses that the hosts of a lab get, in the order in which they are made.
 *
 * @param {number} number from 1
 */
export function address(number) {
  return `10.77.0.${number}`;
}
