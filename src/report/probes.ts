import { createHash } from "node:crypto";
import { at } from "../checked-index.ts";
import type { ProbePoint } from "../lookup/probe-points.ts";
import { printable } from "../printable.ts";

/** The values of `probe --format`, and the function that prints each. */
export const PROBE_FORMATS = {
  "kprobe-events": kprobeEvents,
  address: (points: readonly ProbePoint[]) =>
    points.map(({ address }) => `${hexadecimal(address)}\n`).join(""),
  bpftrace: bpftraceProgram,
} as const;

export type ProbeFormat = keyof typeof PROBE_FORMATS;

/** Lines for tracefs' kprobe_events (Documentation/trace/kprobetrace.rst). */
function kprobeEvents(points: readonly ProbePoint[]): string {
  const names = eventNames(points.map(({ alias }) => alias));
  const where = ({ module, symbol, offset, address }: ProbePoint) => {
    if (symbol === null) return hexadecimal(address);
    return (module === "" ? "" : `${module}:`) + symbol + plus(offset);
  };
  return points.map((point, i) => `p:kas/${names[i]} ${where(point)}\n`).join("");
}

/** A program for every version of bpftrace that counts the hits of each probe. It prints event names, since bpftrace strings have at most 64 bytes. */
function bpftraceProgram(points: readonly ProbePoint[]): string {
  const names = eventNames(points.map(({ alias }) => alias));
  const probes = points.map(({ alias, symbol, offset, address }, i) => {
    const where = symbol === null ? hexadecimal(address) : symbol + plus(offset);
    return `// ${printable(alias)}\nkprobe:${where} { @["${names[i]}"] = count(); }\n`;
  });
  return `${BPFTRACE_HEAD}${probes.join("")}`;
}

const BPFTRACE_HEAD = `\
#!/usr/bin/env -S BPFTRACE_VMLINUX=/dev/null bpftrace --unsafe
// Without --unsafe, bpftrace 0.27 refuses functions that ftrace cannot trace, and all addresses.
// With a vmlinux that has symbols, bpftrace 0.17 refuses offsets outside the function.
`;

function hexadecimal(address: bigint): string {
  return `0x${address.toString(16)}`;
}

function plus(offset: bigint): string {
  return offset === 0n ? "" : `+${hexadecimal(offset)}`;
}

/** MAX_EVENT_NAME_LEN (kernel/trace/trace_probe.h) with the zero at its end. */
const MAX_EVENT_NAME_LEN = 64;
const HASH_DIGITS = 8;

/**
 * Names for trace events, C identifiers of at most 63 bytes: the aliases with `_` in place of other characters. A name that is too
 * long, or equal for two aliases, ends in eight digits of the SHA-256 of its alias.
 *
 * @param aliases each once
 */
export function eventNames(aliases: readonly string[]): string[] {
  const identifiers = aliases.map((alias) =>
    alias.replace(/[^0-9A-Za-z_]/gu, "_").replace(/^(?=[0-9])/, "_"),
  );
  return identifiers.map((identifier, i) => {
    const isUnique = identifiers.indexOf(identifier) === identifiers.lastIndexOf(identifier);
    if (isUnique && identifier.length < MAX_EVENT_NAME_LEN) return identifier;
    const hash = createHash("sha256").update(at(aliases, i)).digest("hex");
    return `${identifier.slice(0, MAX_EVENT_NAME_LEN - 2 - HASH_DIGITS)}_${hash.slice(0, HASH_DIGITS)}`;
  });
}
