import { DOLLAR, DOT_L, L_0 } from "../constants/local-labels.ts";

/** Whether a name in a text is a local label or a mapping symbol, which are in no kallsyms. */
export function isLocalLabel(text: Uint8Array, start: number): boolean {
  const first = text[start] ?? 0;
  const both = ((text[start + 1] ?? 0) << 8) | first;
  return first === DOLLAR || both === DOT_L || both === L_0;
}
