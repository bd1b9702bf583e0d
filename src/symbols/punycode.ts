// Parameters of Punycode (RFC 3492 section 5).
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;

/**
 * Decodes an identifier in Rust's form of Punycode, with `_` as delimiter (RFC 3492 section 6.2; RFC 2603 of Rust).
 *
 * @returns the Punycode, in `punycode{…}`, if it is not valid
 */
export function decodePunycode(text: string): string {
  const delimiter = text.lastIndexOf("_");
  const output = [...text.slice(0, Math.max(0, delimiter))];
  const input = text.slice(delimiter + 1);
  const undecoded = `punycode{${text.replace(/_(?=[^_]*$)/, "-").replace(/^-/, "")}}`;
  let bias = 72;
  let code = 0x80;
  let index = 0;
  for (let at = 0; at < input.length; ) {
    const start = index;
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = "abcdefghijklmnopqrstuvwxyz0123456789".indexOf(input[at++] ?? " ");
      index += digit * weight;
      if (digit === -1 || index > 0xffffffff) return undecoded;
      const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX);
      if (digit < threshold) break;
      weight *= BASE - threshold;
    }
    const length = output.length + 1;
    bias = adapted(index - start, length, start === 0);
    code += Math.floor(index / length);
    index %= length;
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undecoded;
    output.splice(index++, 0, String.fromCodePoint(code));
  }
  return output.join("");
}

function adapted(difference: number, length: number, isFirst: boolean): number {
  let delta = Math.floor(difference / (isFirst ? DAMP : 2));
  delta += Math.floor(delta / length);
  let k = 0;
  for (; delta > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) delta = Math.floor(delta / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * delta) / (delta + SKEW));
}
