// Which variant a user gets: always the same for the same user, salt and weights.

import { Experiment, Variant } from "./experiment";

// Each user falls on one of the weights' points, laid end to end.
export function assign(experiment: Experiment, user: string): Variant {
  let point = hash(experiment.salt + "\0" + user) % experiment.total;
  let at = 0;
  while (point >= experiment.variants[at].weight) {
    point -= experiment.variants[at].weight;
    at++;
  }
  return experiment.variants[at];
}

// 32-bit FNV-1a of the text's UTF-8, then murmur3's finalizer: FNV alone leaves the low bits of
// names that differ in their last letter close together.
export function hash(text: string): u32 {
  const bytes = Uint8Array.wrap(String.UTF8.encode(text));
  let mixed: u32 = 2166136261;
  for (let i = 0; i < bytes.length; i++) {
    mixed = (mixed ^ bytes[i]) * 16777619;
  }
  mixed = (mixed ^ (mixed >>> 16)) * 0x85ebca6b;
  mixed = (mixed ^ (mixed >>> 13)) * 0xc2b2ae35;
  return mixed ^ (mixed >>> 16);
}

// A cookie's value in a Cookie header (RFC 6265, 4.2), "" if it is not there. The first one counts:
// user agents put the one with the longer path in front.
export function cookie(header: string, name: string): string {
  const pairs = header.split(";");
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i].trim();
    if (pair.startsWith(name + "=")) return pair.substring(name.length + 1);
  }
  return "";
}
